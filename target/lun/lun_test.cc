#include "target/lun/lun.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using ata::Opcode;

class LunTest : public ::testing::Test {
 protected:
  /// Hands a request to the LUN, in a buffer full of old bytes, and says what comes of it in a
  /// line (see test_words.h for replies).
  std::string ask(Bytes request, Address asked = own_address) {
    buffer.assign(reply_size_max(link.mtu), 0xee);
    auto frame = decode(request);
    if (!frame) return "not a frame";
    frame->header.address = asked;
    const Outcome outcome = lun.handle(*frame, link, buffer);
    if (const auto* silence = std::get_if<Silence>(&outcome)) {
      switch (*silence) {
        case Silence::source_multicast: return "silence: multicast source";
        case Silence::source_denied: return "silence: denied source";
        case Silence::source_masked: return "silence: masked source";
        case Silence::config_mismatch: return "silence: config mismatch";
      }
    }
    if (const auto* work = std::get_if<PendingReply>(&outcome)) {
      pending = *work;
      written = {work->data.begin(), work->data.end()};
      return fmt::format("disk {} {}+{}", text(work->command), work->lba, work->sectors);
    }
    const auto [size, verdict, says_set] = std::get<ReplyReady>(outcome);
    return check_reply(size, frame->header, verdict);
  }
  std::string ask(const Body& body, Mac source = client_mac) {
    return ask(request_frame(body, source));
  }

  /// Ends the disk work that ask() told of.
  std::string finish(bool failed, std::uint8_t fill = 0x5a) {
    buffer.assign(reply_size_max(link.mtu), 0xee);
    std::ranges::fill(Lun::read_place(pending, buffer), fill);
    const auto error = failed ? std::make_error_code(std::errc::io_error) : std::error_code{};
    const ReplyReady ready = Lun::finish(pending, error, buffer);
    return check_reply(ready.size, {target_mac, client_mac, own_address, tag}, ready.verdict);
  }

  std::string check_reply(std::size_t size, const Header& asked, Verdict verdict) {
    const Bytes bytes = Bytes(buffer).first(size);
    EXPECT_GE(size, frame_size_min);
    EXPECT_LE(size, reply_size_max(link.mtu));
    EXPECT_TRUE(holds_nothing_else(bytes));
    reply = {bytes.begin(), bytes.end()};
    const auto frame = decode(reply);
    EXPECT_TRUE(frame && frame->response);
    EXPECT_EQ(frame->header, (Header{asked.source, link.mac, own_address, asked.tag}));
    const std::string text = line(*frame);
    const bool is_ata_error = text.starts_with("ata") && (reply[27] & ata::status_failed) != 0;
    EXPECT_EQ(verdict, text.starts_with("error") ? Verdict::aoe_error
                       : is_ata_error            ? Verdict::ata_error
                                                 : Verdict::success);
    return text;
  }

  std::string config(ConfigCommand command, std::string_view text = {}) {
    return ask(ConfigRequest{command, as_bytes(text)});
  }
  std::string edit_mask(const std::vector<Directive>& directives, Mac source = client_mac) {
    std::vector<std::uint8_t> room(8 * directives.size());
    return ask(MaskRequest{MaskCommand::edit, pack(directives, room)}, source);
  }
  std::string add_to_mask(const std::vector<Mac>& macs) {
    std::vector<Directive> directives;
    for (const Mac mac : macs) directives.push_back({1, mac});
    return edit_mask(directives);
  }
  std::string reserve(ReserveCommand command, const std::vector<Mac>& macs,
                      Mac source = client_mac) {
    std::vector<std::uint8_t> room(6 * macs.size());
    return ask(ReserveRequest{command, pack(macs, room)}, source);
  }

  static LunOptions options() {
    LunOptions options;
    options.address = own_address;
    options.sectors = 1000;
    options.firmware = 9;
    options.serial = "S1";
    options.model = "a model";
    options.revision = "r1";
    return options;
  }

  Lun lun{options()};
  Link link{target_mac, 1500, true};
  std::vector<std::uint8_t> buffer;
  std::vector<std::uint8_t> reply;
  PendingReply pending;
  std::vector<std::uint8_t> written;
};

// Who is answered at all, and with which header.

TEST_F(LunTest, AnswersFromItsOwnAddressWhateverWasAsked) {
  const auto request = request_frame(ConfigRequest{});
  for (const Address asked : {own_address, Address{Address::any_shelf, 3},
                              Address{7, Address::any_slot}, Address::everyone()}) {
    EXPECT_EQ(ask(request, asked), R"(config read "", 64 buffers, firmware 9, 2 sectors)");
  }
}

TEST_F(LunTest, GroupAddressAsSourceGetsSilence) {
  const Mac multicast{{1, 0, 0x5e, 0, 0, 1}};
  for (const Mac source : {Mac::broadcast(), multicast}) {
    EXPECT_EQ(ask(ConfigRequest{}, source), "silence: multicast source");
    EXPECT_EQ(ask(read_ext(0, 1), source), "silence: multicast source");
  }
}

TEST_F(LunTest, RequestForAnotherLunIsTheCallersBug) {
  const auto request = request_frame(ConfigRequest{});
  EXPECT_DEATH(ask(request, {8, 3}), "invariant broken");
}

TEST_F(LunTest, BadBodyGetsItsRulesError) {
  auto version = request_frame(ConfigRequest{});
  version[14] = 0x20;
  EXPECT_EQ(ask(version), "error 5");
  auto unknown = request_frame(ConfigRequest{});
  unknown[19] = 4;
  EXPECT_EQ(ask(unknown), "error 1");
  auto config = request_frame(ConfigRequest{});
  config[29] = 5;
  EXPECT_EQ(ask(config), "error 2");
  const auto data = pattern(1024, 1);
  auto short_write = request_frame(write_ext(0, data));
  short_write.pop_back();
  EXPECT_EQ(ask(short_write), "error 2");
  EXPECT_EQ(ask(Bytes(short_write).first(30)), "error 2");
}

TEST_F(LunTest, VendorCommandIsUnrecognized) {
  EXPECT_EQ(ask(VendorRequest{240, {}}), "error 1");
  EXPECT_EQ(ask(VendorRequest{255, as_bytes("secret")}), "error 1");
}

// §3.2

TEST_F(LunTest, ConfigReadShowsTheLinksSectors) {
  link.mtu = 9000;
  EXPECT_EQ(config(ConfigCommand::read), R"(config read "", 64 buffers, firmware 9, 17 sectors)");
  link.mtu = 533;  // 0 would mean 2
  EXPECT_EQ(config(ConfigCommand::read), R"(config read "", 64 buffers, firmware 9, 1 sectors)");
}

TEST_F(LunTest, ConfigSetWorksOnceAndAgainWithTheSameString) {
  EXPECT_EQ(config(ConfigCommand::set, "abc"),
            R"(config set "abc", 64 buffers, firmware 9, 2 sectors)");
  EXPECT_EQ(config(ConfigCommand::set, "abc"),
            R"(config set "abc", 64 buffers, firmware 9, 2 sectors)");
  for (const std::string_view other : {"abd", "ab", "abcd", ""}) {
    EXPECT_EQ(config(ConfigCommand::set, other), "error 4");
  }
  EXPECT_EQ(config(ConfigCommand::read), R"(config read "abc", 64 buffers, firmware 9, 2 sectors)");
}

TEST_F(LunTest, ConfigForceSetReplacesAndClears) {
  config(ConfigCommand::set, "abc");
  EXPECT_EQ(config(ConfigCommand::force_set, "xy"),
            R"(config force-set "xy", 64 buffers, firmware 9, 2 sectors)");
  EXPECT_EQ(config(ConfigCommand::force_set),
            R"(config force-set "", 64 buffers, firmware 9, 2 sectors)");
  EXPECT_EQ(config(ConfigCommand::set, "z"),
            R"(config set "z", 64 buffers, firmware 9, 2 sectors)");
}

TEST_F(LunTest, ConfigTestAnswersAnEqualStringOnly) {
  config(ConfigCommand::set, "abc");
  EXPECT_EQ(config(ConfigCommand::test, "abc"),
            R"(config test "abc", 64 buffers, firmware 9, 2 sectors)");
  for (const std::string_view other : {"", "ab", "abcd", "abd"}) {
    EXPECT_EQ(config(ConfigCommand::test, other), "silence: config mismatch");
  }
}

TEST_F(LunTest, ConfigPrefixAnswersAPrefixOnly) {
  config(ConfigCommand::set, "abc");
  for (const std::string_view prefix : {"", "a", "ab", "abc"}) {
    EXPECT_EQ(config(ConfigCommand::prefix, prefix),
              R"(config prefix "abc", 64 buffers, firmware 9, 2 sectors)");
  }
  for (const std::string_view other : {"b", "abcd", "abd"}) {
    EXPECT_EQ(config(ConfigCommand::prefix, other), "silence: config mismatch");
  }
}

TEST_F(LunTest, ConfigStringMayBe1024BytesOfAnyValue) {
  const auto text = pattern(1024, 1);
  EXPECT_TRUE(ask(ConfigRequest{ConfigCommand::set, text}).starts_with("config set"));
  EXPECT_TRUE(ask(ConfigRequest{ConfigCommand::test, text}).starts_with("config test"));
}

TEST_F(LunTest, ConfigStringOfTheOptionsIsThereAtFirst) {
  auto with_string = options();
  with_string.config_string = "from options";
  lun = Lun(with_string);
  EXPECT_EQ(config(ConfigCommand::read),
            R"(config read "from options", 64 buffers, firmware 9, 2 sectors)");
}

TEST_F(LunTest, ConfigStringOfTheOptionsHoldsUntilAClientSetsOne) {
  auto changed = options();
  const auto change = [&](const std::string& text) {
    changed.config_string = text;
    lun.change(changed);
    return config(ConfigCommand::read);
  };
  EXPECT_EQ(change("first"), R"(config read "first", 64 buffers, firmware 9, 2 sectors)");
  EXPECT_EQ(change("second"), R"(config read "second", 64 buffers, firmware 9, 2 sectors)");
  const LunState unset = lun.state();
  EXPECT_EQ(unset, (LunState{"second", {}, {}, true}));
  const std::uint64_t before = lun.revision();
  config(ConfigCommand::set, "second");
  EXPECT_NE(lun.revision(), before) << "now it is a client's";
  EXPECT_EQ(change("third"), R"(config read "second", 64 buffers, firmware 9, 2 sectors)");
  EXPECT_EQ(lun.state(), (LunState{"second", {}, {}}));
  lun.restore(unset);
  EXPECT_EQ(config(ConfigCommand::read),
            R"(config read "third", 64 buffers, firmware 9, 2 sectors)");
}

TEST_F(LunTest, ConfigStringTooLongForTheLinkIsAnErrorAndChangesNothing) {
  config(ConfigCommand::set, std::string(600, 'a'));
  link.mtu = 600;
  EXPECT_EQ(config(ConfigCommand::read), "error 2");
  EXPECT_EQ(config(ConfigCommand::force_set, std::string(583, 'b')), "error 2");
  EXPECT_TRUE(config(ConfigCommand::force_set, std::string(582, 'b')).starts_with("config"));
}

// §3.3

TEST_F(LunTest, MaskIsReadAndEdited) {
  EXPECT_EQ(ask(MaskRequest{}), "mask");
  EXPECT_EQ(add_to_mask({client_mac, other_mac}), "mask 02:00:00:00:00:0c 02:00:00:00:00:0d");
  EXPECT_EQ(ask(MaskRequest{}), "mask 02:00:00:00:00:0c 02:00:00:00:00:0d");
  EXPECT_EQ(edit_mask({{2, other_mac}}), "mask 02:00:00:00:00:0c");
}

TEST_F(LunTest, MaskSilencesOthersWhateverTheySend) {
  add_to_mask({client_mac});
  auto bad = request_frame(ConfigRequest{}, other_mac);
  bad[14] = 0x20;
  EXPECT_EQ(ask(bad), "silence: masked source");
  EXPECT_EQ(ask(ConfigRequest{}, other_mac), "silence: masked source");
  EXPECT_EQ(ask(MaskRequest{}, other_mac), "silence: masked source");
  EXPECT_EQ(ask(ReserveRequest{}, other_mac), "silence: masked source");
  EXPECT_EQ(ask(command(Opcode::identify_device, 1), other_mac), "silence: masked source");
  EXPECT_EQ(ask(VendorRequest{}, other_mac), "silence: masked source");
  EXPECT_EQ(ask(read_ext(0, 1)), "disk read 0+1");
}

TEST_F(LunTest, MaskEditThatShutsItsSenderOutIsStillAnswered) {
  EXPECT_EQ(add_to_mask({other_mac}), "mask 02:00:00:00:00:0d");
  EXPECT_EQ(ask(MaskRequest{}), "silence: masked source");
}

TEST_F(LunTest, MaskEditStopsAtABadDirective) {
  EXPECT_EQ(edit_mask({{1, client_mac}, {3, other_mac}, {1, other_mac}}), "mask error 2 after 1");
  EXPECT_EQ(ask(MaskRequest{}), "mask 02:00:00:00:00:0c");
}

TEST_F(LunTest, MaskIsFullWhereItsReplyWouldNotFit) {
  auto macs = numbered_macs(184);
  macs.push_back(client_mac);
  EXPECT_TRUE(add_to_mask(macs).starts_with("mask 06:00"));
  EXPECT_EQ(reply.size(), 1508U) << "185 entries";
  EXPECT_EQ(edit_mask({{1, other_mac}}), "mask error 3 after 0");
  link.mtu = 9000;
  EXPECT_TRUE(edit_mask({{1, other_mac}}).starts_with("mask 06:00"));
  EXPECT_EQ(reply.size(), 1516U) << "186 entries";
}

TEST_F(LunTest, MaskTooLongForTheLinkIsAnUnspecifiedError) {
  link.mtu = 9000;
  auto macs = numbered_macs(199);
  macs.push_back(client_mac);
  add_to_mask(macs);
  link.mtu = 1500;
  EXPECT_EQ(ask(MaskRequest{}), "mask error 1 after 0");
  EXPECT_EQ(edit_mask({{2, numbered_mac(0)}}), "mask error 1 after 1");
  std::vector<Directive> removals;
  for (const Mac mac : numbered_macs(199)) removals.push_back({2, mac});
  removals.resize(180);
  EXPECT_TRUE(edit_mask(removals).starts_with("mask 06:00"));
}

// §3.4

TEST_F(LunTest, ReserveListsReplacesAndReleases) {
  EXPECT_EQ(ask(ReserveRequest{}), "reserve");
  EXPECT_EQ(reserve(ReserveCommand::set, {client_mac, other_mac}),
            "reserve 02:00:00:00:00:0c 02:00:00:00:00:0d");
  EXPECT_EQ(ask(ReserveRequest{}, numbered_mac(1)), "reserve 02:00:00:00:00:0c 02:00:00:00:00:0d");
  EXPECT_EQ(reserve(ReserveCommand::set, {client_mac}), "reserve 02:00:00:00:00:0c");
  EXPECT_EQ(reserve(ReserveCommand::set, {}), "reserve");
}

TEST_F(LunTest, ReserveOfAnothersIsRefusedUnlessForced) {
  reserve(ReserveCommand::set, {client_mac});
  EXPECT_EQ(reserve(ReserveCommand::set, {other_mac}, other_mac), "error 6");
  EXPECT_EQ(reserve(ReserveCommand::set, {}, other_mac), "error 6");
  EXPECT_EQ(ask(ReserveRequest{}), "reserve 02:00:00:00:00:0c");
  EXPECT_EQ(reserve(ReserveCommand::force_set, {other_mac}, other_mac),
            "reserve 02:00:00:00:00:0d");
}

TEST_F(LunTest, ReservedTargetRefusesAtaFromOthersButIdentify) {
  reserve(ReserveCommand::set, {client_mac});
  const auto data = pattern(512, 1);
  EXPECT_EQ(ask(read_ext(0, 1), other_mac), "error 6");
  EXPECT_EQ(ask(write_ext(0, data), other_mac), "error 6");
  EXPECT_EQ(ask(command(Opcode::flush_cache), other_mac), "error 6");
  EXPECT_EQ(ask(command(Opcode{0x99}), other_mac), "error 6");
  EXPECT_EQ(ask(command(Opcode::identify_device, 1), other_mac),
            "ata 40/00 left 0, 512 bytes of 40");
  EXPECT_EQ(ask(ConfigRequest{}, other_mac),
            R"(config read "", 64 buffers, firmware 9, 2 sectors)");
  EXPECT_EQ(ask(MaskRequest{}, other_mac), "mask");
  EXPECT_EQ(ask(read_ext(0, 1)), "disk read 0+1");
}

TEST_F(LunTest, ReserveBeyondWhatAReplyListsIsAnErrorAndChangesNothing) {
  reserve(ReserveCommand::set, {client_mac});
  EXPECT_EQ(reserve(ReserveCommand::set, numbered_macs(249)), "error 2");
  EXPECT_EQ(ask(ReserveRequest{}), "reserve 02:00:00:00:00:0c");
  EXPECT_TRUE(reserve(ReserveCommand::set, numbered_macs(248)).starts_with("reserve 06:00"));
  EXPECT_EQ(reply.size(), 1514U);
}

TEST_F(LunTest, ReservationTooLongForTheLinkIsAnError) {
  link.mtu = 9000;
  EXPECT_TRUE(reserve(ReserveCommand::set, numbered_macs(255)).starts_with("reserve 06:00"));
  link.mtu = 1500;
  EXPECT_EQ(ask(ReserveRequest{}), "error 2");
  EXPECT_EQ(reserve(ReserveCommand::force_set, {}), "reserve");
}

// §3.1

TEST_F(LunTest, ReadIsDiskWorkAndItsReplyCarriesTheData) {
  EXPECT_EQ(ask(read_ext(998, 2)), "disk read 998+2");
  EXPECT_EQ(finish(false), "ata 40/00 left 0, 1024 bytes of 5a");
  const auto frame = decode(reply);
  const auto& ata = std::get<AtaReply>(*frame->body);
  EXPECT_EQ(ata.lba, 998U);
  EXPECT_TRUE(ata.flags.extended);
}

TEST_F(LunTest, FailedReadCarriesNoData) {
  ask(read_ext(0, 2));
  EXPECT_EQ(finish(true), "ata 41/40 left 2");
  EXPECT_EQ(reply.size(), frame_size_min);
}

TEST_F(LunTest, WriteIsDiskWorkWithExactlyItsData) {
  const auto data = pattern(1024, 1);
  auto request = request_frame(write_ext(5, data));
  request.resize(request.size() + 7, 0xdd);
  EXPECT_EQ(ask(request), "disk write 5+2");
  EXPECT_EQ(written, data);
  EXPECT_EQ(finish(false), "ata 40/00 left 0");
  EXPECT_EQ(finish(true), "ata 61/04 left 2");
}

TEST_F(LunTest, FlushIsDiskWorkAndItsFailureIsTold) {
  EXPECT_EQ(ask(command(Opcode::flush_cache_ext)), "disk flush 0+0");
  EXPECT_EQ(finish(false), "ata 40/00 left 0");
  EXPECT_EQ(finish(true), "ata 61/04 left 0");
}

TEST_F(LunTest, CountBeyondTheLinksMtuIsAborted) {
  EXPECT_EQ(ask(read_ext(0, 3)), "ata 41/04 left 3");
  link.mtu = 9000;
  EXPECT_EQ(ask(read_ext(0, 17)), "disk read 0+17");
  EXPECT_EQ(finish(false), "ata 40/00 left 0, 8704 bytes of 5a");
  EXPECT_EQ(ask(read_ext(0, 18)), "ata 41/04 left 18");
}

TEST_F(LunTest, ErrorsOfTheDeviceAreReplies) {
  EXPECT_EQ(ask(read_ext(999, 2)), "ata 41/10 left 2");
  EXPECT_EQ(ask(command(Opcode{0x99}, 1)), "ata 41/04 left 1");
  EXPECT_EQ(ask(command(Opcode::write_sectors, 1)), "error 2");
  EXPECT_EQ(ask(command(Opcode::check_power_mode)), "ata 40/00 left 255");
}

TEST_F(LunTest, ReadOnlyLunAbortsWrites) {
  auto read_only = options();
  read_only.read_only = true;
  lun = Lun(read_only);
  const auto data = pattern(512, 1);
  EXPECT_EQ(ask(write_ext(0, data)), "ata 41/04 left 1");
  EXPECT_EQ(ask(read_ext(0, 1)), "disk read 0+1");
}

// What the administrator lets a client do.

TEST_F(LunTest, AClientThatMayOnlyReadFindsAReadOnlyDisk) {
  auto limited = options();
  limited.disk.can_trim = true;
  limited.access.rights.everyone = Rights::none();
  limited.access.rights.everyone.add(Right::read);
  limited.access.rights.named.emplace(other_mac, Rights());
  lun = Lun(limited);
  const auto data = pattern(512, 1);
  EXPECT_EQ(ask(read_ext(0, 1)), "disk read 0+1");
  EXPECT_EQ(ask(write_ext(0, data)), "ata 41/04 left 1");
  EXPECT_EQ(ask(command(Opcode::flush_cache_ext)), "disk flush 0+0");
  EXPECT_EQ(ask(write_ext(0, data), other_mac), "disk write 0+1");
  const auto trims = [this](Mac source) {
    ask(command(Opcode::identify_device, 1), source);
    return parse_identify(std::get<AtaReply>(*decode(reply)->body).data)->trim;
  };
  EXPECT_FALSE(trims(client_mac));
  EXPECT_TRUE(trims(other_mac));
  AtaRequest disable = command(Opcode::smart);
  disable.feature = static_cast<std::uint8_t>(ata::Smart::disable);
  disable.lba = std::uint64_t{ata::smart_key} << 8;
  EXPECT_TRUE(ask(disable).starts_with("ata 41/04"));
  EXPECT_TRUE(ask(disable, other_mac).starts_with("ata 40/00"));
}

TEST_F(LunTest, AClientWithoutRightsDiscoversAndIdentifies) {
  auto limited = options();
  limited.access.rights.named.emplace(client_mac, Rights::none());
  lun = Lun(limited);
  EXPECT_EQ(ask(ConfigRequest{}), R"(config read "", 64 buffers, firmware 9, 2 sectors)");
  EXPECT_EQ(ask(command(Opcode::identify_device, 1)), "ata 40/00 left 0, 512 bytes of 40");
  EXPECT_EQ(ask(read_ext(0, 1)), "ata 41/04 left 1");
  EXPECT_EQ(ask(command(Opcode::read_verify_ext, 1)), "ata 41/04 left 1");
  EXPECT_EQ(ask(read_ext(0, 1), other_mac), "disk read 0+1") << "everyone else may";
}

TEST_F(LunTest, WhatAClientMayNotSetStaysAndIsSaid) {
  config(ConfigCommand::force_set, "shop");
  auto limited = options();
  limited.access.rights.named.emplace(client_mac, Rights::none());
  lun.change(limited);
  const LunState before = lun.state();
  EXPECT_EQ(config(ConfigCommand::force_set, "mine"), "error 4");
  EXPECT_EQ(config(ConfigCommand::set, "shop"), "error 4");
  EXPECT_EQ(add_to_mask({client_mac}), "mask error 1 after 0");
  EXPECT_EQ(reserve(ReserveCommand::set, {client_mac}), "error 6");
  EXPECT_EQ(reserve(ReserveCommand::force_set, {}), "error 6");
  EXPECT_EQ(lun.state(), before);
  limited.access.rights.named.at(client_mac).add(Right::config_set);
  limited.access.rights.named.at(client_mac).add(Right::reserve);
  lun.change(limited);
  EXPECT_EQ(config(ConfigCommand::force_set, "mine"),
            R"(config force-set "mine", 64 buffers, firmware 9, 2 sectors)");
  EXPECT_EQ(lun.state().config_string, "mine");
  reserve(ReserveCommand::set, {client_mac});
  EXPECT_EQ(lun.state().reserved, std::vector{client_mac});
}

TEST_F(LunTest, IdentifySaysWhatTheDiskIs) {
  EXPECT_EQ(ask(command(Opcode::identify_device, 1)), "ata 40/00 left 0, 512 bytes of 40");
  const auto frame = decode(reply);
  const auto identity = parse_identify(std::get<AtaReply>(*frame->body).data);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->serial.view(), "S1");
  EXPECT_EQ(identity->model.view(), "a model");
  EXPECT_EQ(identity->firmware.view(), "r1");
  EXPECT_EQ(identity->sectors, 1000U);
  EXPECT_TRUE(identity->lba48 && identity->flush_cache && identity->flush_cache_ext);
  EXPECT_FALSE(identity->checksum_wrong);
}

TEST_F(LunTest, IdentifyAdvertisesWhatTheStoreCan) {
  auto with_store = options();
  with_store.disk = {4096, true, true};
  with_store.write_cache = false;
  lun = Lun(with_store);
  const auto identity = [this] {
    ask(command(Opcode::identify_device, 1));
    return *parse_identify(std::get<AtaReply>(*decode(reply)->body).data);
  };
  EXPECT_EQ(identity().physical_sector_size, 4096U);
  EXPECT_TRUE(identity().trim && identity().trimmed_reads_zero);
  EXPECT_EQ(identity().trim_blocks_max, 2U);
  EXPECT_TRUE(identity().dma && identity().smart && identity().power_management);
  EXPECT_FALSE(identity().write_cache);
  with_store.read_only = true;
  with_store.write_cache = true;
  lun = Lun(with_store);
  EXPECT_FALSE(identity().trim) << "of a read-only disk";
  EXPECT_TRUE(identity().write_cache);
}

TEST_F(LunTest, SmartTellsHowTheStoreFares) {
  const auto smart = [this](ata::Smart what) {
    AtaRequest request = command(Opcode::smart);
    request.feature = static_cast<std::uint8_t>(what);
    request.lba = ata::smart_key << 8;
    return ask(request);
  };
  const auto status = [&] {
    smart(ata::Smart::return_status);
    return std::get<AtaReply>(*decode(reply)->body).lba;
  };
  EXPECT_EQ(smart(ata::Smart::read_data), "ata 40/00 left 0, 512 bytes of 10");
  EXPECT_EQ(smart(ata::Smart::read_thresholds), "ata 40/00 left 0, 512 bytes of 10");
  EXPECT_EQ(smart(ata::Smart::read_log), "ata 40/00 left 0, 512 bytes of 01");
  EXPECT_EQ(status(), 0xc24f00U);
  ++lun.health().writes_failed;
  EXPECT_EQ(status(), 0x2cf400U);
  EXPECT_EQ(smart(ata::Smart::disable), "ata 40/00 left 0, 512 bytes of 00");
  EXPECT_EQ(smart(ata::Smart::read_data), "ata 41/04 left 0");
  EXPECT_EQ(smart(ata::Smart::enable), "ata 40/00 left 0, 512 bytes of 00");
  EXPECT_EQ(smart(ata::Smart::read_data), "ata 40/00 left 0, 512 bytes of 10");
}

TEST_F(LunTest, DiskThatIsGoneIsAnAoeError) {
  ask(read_ext(0, 1));
  buffer.assign(reply_size_max(link.mtu), 0xee);
  const auto gone = std::make_error_code(std::errc::no_such_device);
  const ReplyReady ready = Lun::finish(pending, gone, buffer);
  EXPECT_EQ(check_reply(ready.size, {target_mac, client_mac, own_address, tag}, ready.verdict),
            "error 3");
}

// The administrator's rules.

TEST_F(LunTest, RulesSilenceWhomTheyDoNotAdmit) {
  auto ruled = options();
  ruled.access = {.allow = {client_mac, other_mac}, .deny = {other_mac}};
  lun = Lun(ruled);
  EXPECT_EQ(ask(read_ext(0, 1)), "disk read 0+1");
  EXPECT_EQ(ask(ConfigRequest{}, other_mac), "silence: denied source") << "denied, though allowed";
  EXPECT_EQ(ask(ConfigRequest{}, numbered_mac(1)), "silence: denied source") << "not allowed";
  EXPECT_EQ(ask(MaskRequest{}), "mask") << "the mask list is the clients' own";
  EXPECT_EQ(lun.announce_to(), std::vector{client_mac});
  ruled.announced = false;
  lun.change(ruled);
  EXPECT_EQ(lun.announce_to(), std::vector<Mac>{});
}

// What clients set.

TEST_F(LunTest, StateIsTakenOverByALaterLife) {
  config(ConfigCommand::set, "abc");
  reserve(ReserveCommand::set, {client_mac});
  add_to_mask({client_mac, other_mac});
  const LunState state = lun.state();
  EXPECT_EQ(state, (LunState{"abc", {client_mac, other_mac}, {client_mac}}));
  lun = Lun(options());
  lun.restore(state);
  EXPECT_EQ(lun.state(), state);
  EXPECT_EQ(ask(ConfigRequest{}, numbered_mac(1)), "silence: masked source");
  EXPECT_EQ(ask(read_ext(0, 1), other_mac), "error 6");
}

TEST_F(LunTest, RevisionTellsOfChangesAndOnlyOfThem) {
  std::uint64_t last = lun.revision();
  const auto changed = [&] { return std::exchange(last, lun.revision()) != lun.revision(); };
  config(ConfigCommand::set, "abc");
  EXPECT_TRUE(changed());
  config(ConfigCommand::set, "abc");
  config(ConfigCommand::read);
  EXPECT_FALSE(changed());
  add_to_mask({client_mac});
  EXPECT_TRUE(changed());
  add_to_mask({client_mac});
  edit_mask({{2, other_mac}, {0, other_mac}});
  EXPECT_FALSE(changed());
  edit_mask({{2, client_mac}, {3, client_mac}});
  EXPECT_TRUE(changed()) << "what comes before a bad directive is done";
  reserve(ReserveCommand::set, {client_mac});
  EXPECT_TRUE(changed());
  reserve(ReserveCommand::set, {client_mac, client_mac});
  reserve(ReserveCommand::read, {});
  EXPECT_FALSE(changed());
  reserve(ReserveCommand::set, {});
  EXPECT_TRUE(changed());
}

// Announcements.

TEST_F(LunTest, AnnouncesToEveryoneOrToItsMaskList) {
  EXPECT_EQ(lun.announce_to(), std::vector{Mac::broadcast()});
  add_to_mask({client_mac, other_mac});
  EXPECT_EQ(lun.announce_to(), (std::vector{client_mac, other_mac}));
}

TEST_F(LunTest, AnnouncementIsAConfigReply) {
  config(ConfigCommand::set, "abc");
  buffer.assign(reply_size_max(link.mtu), 0xee);
  const Bytes frame = Bytes(buffer).first(lun.announce(link, Mac::broadcast(), buffer));
  EXPECT_TRUE(holds_nothing_else(frame));
  EXPECT_EQ(decode(frame)->header, (Header{Mac::broadcast(), target_mac, own_address, 0}));
  EXPECT_TRUE(decode(frame)->response);
  EXPECT_EQ(line(frame), R"(config read "abc", 64 buffers, firmware 9, 2 sectors)");
}

TEST_F(LunTest, AnnouncementThatDoesNotFitIsNone) {
  config(ConfigCommand::set, std::string(600, 'a'));
  link.mtu = 600;
  buffer.assign(reply_size_max(link.mtu), 0xee);
  EXPECT_EQ(lun.announce(link, Mac::broadcast(), buffer), 0U);
}

}  // namespace
}  // namespace aoe::target
