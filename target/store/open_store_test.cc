#include "target/store/open_store.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/size.h"
#include "base/testing/test_folder.h"
#include "target/store/overlay_store.h"
#include "target/testing/test_loop_device.h"
#include "target/testing/test_nbd_server.h"
#include "target/testing/test_operation.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

class OpenStoreTest : public ::testing::Test {
 protected:
  OpenStoreTest() { folder.make_image(pattern(64 * 512 + 100, 1)); }

  StoreDefinition definition(const std::string& name = "disk.img") const {
    StoreDefinition made;
    made.path = folder.path(name);
    return made;
  }
  /// What it is and its size; or why it does not open.
  std::string open(const StoreDefinition& definition) {
    const auto opened = open_store(definition, *queue, handover);
    if (!opened) return folder.shorten(opened.error());
    return folder.shorten(fmt::format("{}, {} sectors, {} ignored", opened->kind,
                                      opened->store->size() / 512, opened->ignored_tail));
  }

  TestFolder folder;
  std::unique_ptr<DiskQueue> queue = make_thread_queue();
  Handover handover;
};

TEST_F(OpenStoreTest, FileByEveryWay) {
  auto wanted = definition();
  EXPECT_EQ(open(wanted), "mapped, 64 sectors, 100 ignored");
  wanted.io = IoMode::mapped;
  EXPECT_EQ(open(wanted), "mapped, 64 sectors, 100 ignored");
  wanted.io = IoMode::buffered;
  EXPECT_EQ(open(wanted), "buffered (threads), 64 sectors, 100 ignored");
  wanted.read_only = true;
  EXPECT_EQ(open(wanted), "buffered (threads), 64 sectors, 100 ignored");
  queue = make_disk_queue();
  EXPECT_EQ(open(wanted), fmt::format("buffered ({}), 64 sectors, 100 ignored", queue->name()));
}

TEST_F(OpenStoreTest, SyncIsNeverMapped) {
  auto wanted = definition();
  wanted.sync = true;
  EXPECT_EQ(open(wanted), "buffered (threads), 64 sectors, 100 ignored");
  wanted.io = IoMode::mapped;
  EXPECT_EQ(open(wanted),
            "disk.img: a write to a mapping cannot be stable at once; use io: buffered");
}

TEST_F(OpenStoreTest, ALookFindsWhatOpeningFinds) {
  const auto both = [&](const StoreDefinition& wanted) {
    const auto error = store_error(wanted);
    EXPECT_EQ(error.has_value(), !open_store(wanted, *queue, handover));
    if (error) {
      EXPECT_EQ(folder.shorten(*error), open(wanted));
    }
    return error ? folder.shorten(*error) : "none";
  };
  auto wanted = definition();
  EXPECT_EQ(both(wanted), "none");
  wanted.offset = 64;
  EXPECT_EQ(both(wanted), "disk.img: has 64 sectors, so none is left after an offset of 64");
  wanted.offset = 60;
  wanted.length = 5;
  EXPECT_EQ(both(wanted), "disk.img: has 64 sectors, so 5 from sector 60 on reach beyond its end");
  wanted.length = 0;
  EXPECT_EQ(both(wanted), "disk.img: a length of 0 sectors");
  folder.make_image(511, "small.img");
  EXPECT_EQ(both(definition("small.img")), "small.img: smaller than one sector");
  EXPECT_EQ(both(definition("none.img")), "none.img: No such file or directory");
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(both(definition("pipe")), "pipe: neither a regular file nor a block device");
  std::filesystem::create_directory(folder.path("folder"));
  auto read_only = definition("folder");
  read_only.read_only = true;
  EXPECT_EQ(both(read_only), "folder: neither a regular file nor a block device");
  wanted = definition("/proc/version");
  wanted.path = "/proc/version";
  wanted.read_only = true;
  EXPECT_EQ(both(wanted), "/proc/version: smaller than one sector");
  StoreDefinition memory;
  memory.path = "memory:1MiB";
  EXPECT_EQ(both(memory), "none");
  memory.sync = true;
  EXPECT_EQ(both(memory), "memory:1MiB: memory is never stable, as sync needs it");
  memory.sync = false;
  memory.path = "memory:1";
  EXPECT_EQ(both(memory), "memory:1: not a whole number of sectors");
  memory.path = "nbd://nowhere.example";
  EXPECT_EQ(store_error(memory), std::nullopt) << "no server is asked";
}

TEST_F(OpenStoreTest, ALookFindsWhatIsWrongWithAnOverlay) {
  const auto both = [&](const StoreDefinition& wanted) {
    const auto error = store_error(wanted);
    const auto opened = open_store(wanted, *queue, handover);
    EXPECT_EQ(error.has_value(), !opened) << (error ? *error : "none");
    if (error && !opened) {
      EXPECT_EQ(*error, opened.error());
    }
    return error ? folder.shorten(*error) : "none";
  };
  auto wanted = definition();
  wanted.overlay = folder.path("x.cow");
  EXPECT_EQ(both(wanted), "x.cow: no such overlay; create: true (or --create) makes a new one");
  wanted.create = true;
  EXPECT_EQ(both(wanted), "none");
  EXPECT_EQ(both(wanted), "none") << "now it is there";
  const auto serving = open_store(wanted, *queue, handover);
  EXPECT_EQ(store_error(wanted), std::nullopt) << "a target may use it";
  wanted.offset = 1;
  EXPECT_EQ(folder.shorten(store_error(wanted).value_or("none")),
            "x.cow: made over another part of disk.img");
  wanted.offset = 0;
  wanted.sync = true;
  EXPECT_EQ(both(wanted), "disk.img: an overlay cannot do sync; a flush is stable");
  wanted.sync = false;
  wanted.io = IoMode::direct;
  EXPECT_EQ(both(wanted), "disk.img: an overlay and its base are always mapped");
  wanted.io = IoMode::automatic;
  folder.make_image(1 << 20, "bad.cow");
  wanted.overlay = folder.path("bad.cow");
  EXPECT_EQ(both(wanted), "bad.cow: not an overlay");
  std::filesystem::create_directory(folder.path("folder"));
  wanted.overlay = folder.path("folder");
  EXPECT_EQ(both(wanted), "folder: neither a regular file nor a block device");
  wanted.overlay = folder.path("nowhere/x.cow");
  EXPECT_EQ(both(wanted), "nowhere/x.cow: No such file or directory");
  wanted.overlay = folder.path("x.cow");
  wanted.path = "memory:1MiB";
  EXPECT_EQ(both(wanted), "memory:1MiB: an overlay needs a file, a block device or NBD under it");
}

TEST_F(OpenStoreTest, BlockDeviceIsDirect) {
  const TestLoopDevice device(folder.make_image(1 << 20));
  if (device.path().empty()) GTEST_SKIP() << "no loop device";
  StoreDefinition wanted;
  wanted.path = device.path();
  EXPECT_EQ(open(wanted), "direct (threads), 2048 sectors, 0 ignored");
  wanted.io = IoMode::mapped;
  EXPECT_EQ(open(wanted), "mapped, 2048 sectors, 0 ignored");
}

TEST_F(OpenStoreTest, Part) {
  auto wanted = definition();
  wanted.offset = 10;
  EXPECT_EQ(open(wanted), "mapped, 54 sectors, 100 ignored");
  wanted.length = 54;
  EXPECT_EQ(open(wanted), "mapped, 54 sectors, 0 ignored");
  wanted.length = 4;
  const auto opened = open_store(wanted, *queue, handover);
  ASSERT_TRUE(opened);
  const auto contents = folder.contents();
  EXPECT_EQ(read_from(*opened->store, 512, 512),
            std::vector(contents.begin() + 11 * 512, contents.begin() + 12 * 512));
  wanted.length = 55;
  EXPECT_EQ(open(wanted), "disk.img: has 64 sectors, so 55 from sector 10 on reach beyond its end");
  wanted.length = ~std::uint64_t{0};
  EXPECT_EQ(open(wanted),
            "disk.img: has 64 sectors, so 18446744073709551615 from sector 10 on reach beyond its "
            "end");
  wanted.length = 0;
  EXPECT_EQ(open(wanted), "disk.img: a length of 0 sectors");
  wanted.offset = 64;
  EXPECT_EQ(open(wanted), "disk.img: has 64 sectors, so none is left after an offset of 64");
}

TEST_F(OpenStoreTest, TwoPartsOfOneFile) {
  auto first = definition();
  first.length = 32;
  auto second = definition();
  second.offset = 32;
  const auto one = open_store(first, *queue, handover);
  const auto two = open_store(second, *queue, handover);
  ASSERT_TRUE(one && two);
  EXPECT_FALSE(write_to(*two->store, 0, pattern(512, 9)));
  EXPECT_NE(read_from(*one->store, 0, 512), pattern(512, 9));
}

TEST_F(OpenStoreTest, Memory) {
  StoreDefinition wanted;
  wanted.path = "memory:1MiB";
  EXPECT_EQ(open(wanted), "memory, 2048 sectors, 0 ignored");
  wanted.offset = 1;
  EXPECT_EQ(open(wanted), "memory:1MiB: offset and length are for files, devices and NBD");
  wanted.offset = 0;
  wanted.sync = true;
  EXPECT_EQ(open(wanted), "memory:1MiB: memory is never stable, as sync needs it");
  wanted.io = IoMode::direct;
  EXPECT_EQ(open(wanted), "memory:1MiB: io is for files");
  StoreDefinition wrong;
  wrong.path = "memory:lots";
  EXPECT_EQ(open(wrong), fmt::format("memory:lots: not a size such as {}", size_examples));
}

TEST_F(OpenStoreTest, Overlay) {
  auto wanted = definition();
  wanted.overlay = folder.path("client3.cow");
  wanted.create = true;
  EXPECT_EQ(open(wanted), "overlay client3.cow over disk.img, 64 sectors, 100 ignored");
  wanted.offset = 8;
  EXPECT_EQ(open(wanted), "client3.cow: made over another part of disk.img");
  wanted.sync = true;
  EXPECT_EQ(open(wanted), "disk.img: an overlay cannot do sync; a flush is stable");
  wanted.io = IoMode::direct;
  EXPECT_EQ(open(wanted), "disk.img: an overlay and its base are always mapped");
  StoreDefinition wrong;
  wrong.overlay = wanted.overlay;
  wrong.path = "memory:1MiB";
  EXPECT_EQ(open(wrong), "memory:1MiB: an overlay needs a file, a block device or NBD under it");
  wrong.path = definition().path;
  wrong.overlay = wrong.path;
  EXPECT_EQ(open(wrong), "disk.img: in use already");
  wrong.create = true;
  wrong.overlay = folder.path("missing/client3.cow");
  EXPECT_EQ(open(wrong), "missing/client3.cow: No such file or directory");
}

TEST_F(OpenStoreTest, OverlayIsMadeOnlyWhereThatIsWanted) {
  const std::string why =
      "client3.cow: no such overlay; create: true (or --create) makes a new one";
  auto wanted = definition();
  EXPECT_FALSE(wanted.needs_new_overlay());
  wanted.overlay = folder.path("client3.cow");
  EXPECT_EQ(open(wanted), why);
  EXPECT_FALSE(std::filesystem::exists(wanted.overlay));
  folder.make_image(0, "client3.cow");
  EXPECT_TRUE(wanted.needs_new_overlay());
  EXPECT_EQ(open(wanted), why) << "what a run that was interrupted has left";
  wanted.create = true;
  EXPECT_EQ(open(wanted), "overlay client3.cow over disk.img, 64 sectors, 100 ignored");
  wanted.create = false;
  EXPECT_FALSE(wanted.needs_new_overlay());
  EXPECT_EQ(open(wanted), "overlay client3.cow over disk.img, 64 sectors, 100 ignored");
}

TEST_F(OpenStoreTest, DefinitionsThatDifferInWhatIsMadeAreTheSame) {
  auto wanted = definition();
  wanted.create = true;
  EXPECT_EQ(wanted, definition());
  for (const auto& change : std::vector<std::function<void(StoreDefinition&)>>{
           [](auto& store) { store.path = "other.img"; },
           [](auto& store) { store.overlay = "client3.cow"; },
           [](auto& store) { store.io = IoMode::buffered; }, [](auto& store) { store.sync = true; },
           [](auto& store) { store.read_only = true; }, [](auto& store) { store.force = true; },
           [](auto& store) { store.offset = 1; }, [](auto& store) { store.length = 1; }}) {
    auto other = definition();
    change(other);
    EXPECT_NE(other, definition());
  }
}

TEST_F(OpenStoreTest, NewOverlayIsRemarkedOnce) {
  auto wanted = definition();
  wanted.overlay = folder.path("client3.cow");
  wanted.create = true;
  const auto remarks = [&] {
    const auto opened = open_store(wanted, *queue, handover);
    return opened ? opened->remarks : std::vector<LogLine>{{LogLevel::error, opened.error()}};
  };
  const LogLine expected{LogLevel::info,
                         fmt::format("made a new overlay {} over {}", wanted.overlay, wanted.path)};
  EXPECT_EQ(remarks(), std::vector{expected});
  EXPECT_EQ(remarks(), std::vector<LogLine>{});
}

TEST_F(OpenStoreTest, OneDeltaIsForOneLun) {
  auto wanted = definition();
  wanted.overlay = folder.path("client3.cow");
  wanted.create = true;
  const auto first = open_store(wanted, *queue, handover);
  ASSERT_TRUE(first);
  EXPECT_EQ(open(wanted), "client3.cow: in use already");
  wanted.overlay = folder.path("client4.cow");
  EXPECT_EQ(open(wanted), "overlay client4.cow over disk.img, 64 sectors, 100 ignored");
}

/// An overlay over what nbdkit serves, disk.img.
class OverlayOverNbdTest : public OpenStoreTest {
 protected:
  static constexpr std::size_t block = OverlayStore::block_size;
  static constexpr std::size_t size = 39 * block + 512;

  void SetUp() override {
    if (!has_nbdkit()) GTEST_SKIP() << "no nbdkit";
    folder.make_image(expected);
    wanted.path = "nbd+unix:///?socket=" + folder.path("s").string();
    wanted.overlay = folder.path("client3.cow");
    wanted.create = true;
    serve();
  }
  void serve(const std::vector<std::string>& filter = {}) {
    std::vector<std::string> arguments{"--readonly"};
    arguments.insert(arguments.end(), filter.begin(), filter.end());
    arguments.insert(arguments.begin() + 1 + (filter.empty() ? 0 : 1),
                     {"file", folder.path().string()});
    server = std::make_unique<TestNbdServer>(folder.path("s"), arguments);
  }
  void open_it() {
    store.reset();
    auto opened = open_store(wanted, *queue, handover);
    ASSERT_TRUE(opened) << opened.error();
    store = std::move(opened->store);
  }
  /// Returns why it can't be opened.
  std::string refusal() {
    store.reset();
    const auto opened = open_store(wanted, *queue, handover);
    return opened ? "opened" : folder.shorten(opened.error());
  }
  void write(std::size_t offset, const std::vector<std::uint8_t>& data) {
    EXPECT_FALSE(write_to(*store, offset, data));
    std::ranges::copy(data, expected.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  std::vector<std::uint8_t> expected = pattern(size, 7);
  StoreDefinition wanted;
  std::unique_ptr<TestNbdServer> server;
  std::unique_ptr<Store> store;
};

TEST_F(OverlayOverNbdTest, RandomOperationsAgreeWithAnArray) {
  open_it();
  std::minstd_rand random(1);
  for (int i = 0; i < 600; ++i) {
    constexpr std::size_t sectors = size / 512;
    const std::size_t first = random() % sectors;
    const std::size_t count = 1 + random() % std::min<std::size_t>(40, sectors - first);
    if (random() % 4 == 0) {
      write(first * 512, pattern(count * 512, static_cast<std::uint8_t>(i)));
    } else {
      const auto begin = expected.begin() + static_cast<std::ptrdiff_t>(first * 512);
      ASSERT_EQ(read_from(*store, first * 512, count * 512),
                std::vector(begin, begin + static_cast<std::ptrdiff_t>(count * 512)));
    }
    if (i % 200 == 150) {
      EXPECT_FALSE(trim(*store, {{8 * (random() % 30), 8}}));
      expected = read_from(*store, 0, size).value();
    }
    if (i % 100 == 99) {
      std::filesystem::remove(wanted.overlay);
      expected = folder.contents();
      open_it();
    }
  }
  EXPECT_EQ(folder.contents(), pattern(size, 7));
}

TEST_F(OverlayOverNbdTest, TheBaseIsKnownByItsContent) {
  open_it();
  write(block + 512, pattern(512, 1));
  serve();
  open_it();
  EXPECT_EQ(read_from(*store, 0, size), expected);
  auto other = folder.contents();
  other[size - 1] ^= 1;
  folder.make_image(other);
  serve();
  EXPECT_EQ(refusal(),
            "client3.cow: made over another nbd+unix:///?socket=s (it has changed since)");
  other.resize(size + 512);
  folder.make_image(other);
  serve();
  EXPECT_EQ(refusal(),
            "client3.cow: made over another nbd+unix:///?socket=s (it has changed since)");
}

TEST_F(OverlayOverNbdTest, PartOfTheExport) {
  wanted.offset = 3;
  wanted.length = 8 * 20 + 1;
  open_it();
  EXPECT_EQ(store->size(), 20 * block + 512);
  EXPECT_FALSE(write_to(*store, 20 * block, pattern(512, 1)));
  EXPECT_EQ(read_from(*store, 20 * block, 512), pattern(512, 1));
  const auto begin = expected.begin() + 3 * 512;
  EXPECT_EQ(read_from(*store, 0, 5 * block), std::vector(begin, begin + 5 * block));
  open_it();
  EXPECT_EQ(read_from(*store, 20 * block, 512), pattern(512, 1));
}

TEST_F(OverlayOverNbdTest, WhatTheServerFailsIsNotWritten) {
  const auto failing = folder.path("failing");
  serve({"--filter=error", "error=EIO", "error-rate=100%", "error-file=" + failing.string()});
  open_it();
  write(0, pattern(block, 1));
  std::ofstream(failing).flush();
  EXPECT_EQ(read_from(*store, 2 * block, 512), std::nullopt);
  EXPECT_EQ(write_to(*store, 2 * block, pattern(512, 2)), std::errc::io_error);
  write(3 * block, pattern(block, 3));
  EXPECT_EQ(read_from(*store, 0, block), pattern(block, 1)) << "needs no server";
  EXPECT_FALSE(flush(*store));
  std::filesystem::remove(failing);
  EXPECT_EQ(read_from(*store, 0, size), expected);
}

TEST_F(OpenStoreTest, NamesWhatIsMissing) {
  EXPECT_EQ(open(definition("other.img")), "other.img: No such file or directory");
  auto wanted = definition("other.img");
  wanted.io = IoMode::buffered;
  EXPECT_EQ(open(wanted), "other.img: No such file or directory");
  wanted.path = "nbd+unix:///?socket=" + folder.path("missing").string();
  EXPECT_EQ(open(wanted), "nbd+unix:///?socket=missing: io is for files");
  wanted.io = IoMode::automatic;
  EXPECT_EQ(open(wanted), "nbd+unix:///?socket=missing: connect: No such file or directory");
}

}  // namespace
}  // namespace aoe::target
