// The text of --help: without empty lines, so that it fits a screen.
#pragma once

#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace aoe::initiator {

/// Lists a command's arguments and options; at the top, the commands by group and the footer.
class CompactFormatter : public CLI::Formatter {
 public:
  CompactFormatter() { column_width(28); }

  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    std::string help = app->get_description() + "\nUsage: aoe-initiator ";
    const bool top = app->get_parent() == nullptr;
    if (top) {
      help += "COMMAND [ARGUMENTS] [OPTIONS]; COMMAND --help shows them\n";
    } else {
      for (const CLI::App* parent = app->get_parent(); parent->get_parent() != nullptr;
           parent = parent->get_parent()) {
        help += parent->get_name() + " ";
      }
      help += app->get_name();
      for (const CLI::Option* option : app->get_options()) {
        if (!option->get_positional()) continue;
        const std::string word = option->get_name();
        help += option->get_required() ? " " + word : " [" + word + "]";
      }
      help += app->get_subcommands([](const CLI::App*) { return true; }).empty() ? " [OPTIONS]\n"
                                                                                 : " COMMAND\n";
    }
    for (const CLI::Option* option : app->get_options()) {
      if (!top && !option->get_group().empty()) {
        help += make_option(option, option->get_positional());
      }
    }
    std::string group;
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_group() != group && top) help += command->get_group() + ":\n";
      group = command->get_group();
      help += fmt::format("  {:<12}{}\n", command->get_name(), command->get_description());
    }
    return help + (top ? app->get_footer() + "\n" : "");
  }
};

}  // namespace aoe::initiator
