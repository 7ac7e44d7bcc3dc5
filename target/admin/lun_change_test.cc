#include "target/admin/lun_change.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "target/store/memory_store.h"

namespace aoe::target {
namespace {

std::vector<std::string> texts(const LunChange& change) {
  std::vector<std::string> texts;
  for (const LogLine& line : change.store_lines()) texts.push_back(line.text);
  return texts;
}

LunChange added_at(Address address) {
  LunChange change;
  change.kind = LunChange::Kind::add;
  change.definition.address = address;
  change.definition.store.path = "disk.img";
  change.store.emplace();
  change.store->store = std::make_unique<MemoryStore>(4096);
  change.store->kind = "memory";
  return change;
}

TEST(LunChange, SaysWhatItServesAndWhatIsOddAboutIt) {
  EXPECT_EQ(texts(added_at({0, 2})),
            (std::vector<std::string>{"e0.2: disk.img, 8 sectors, memory, read-write"}));
  LunChange odd = added_at({4095, 1});
  odd.definition.store.read_only = true;
  odd.store->ignored_tail = 100;
  odd.store->remarks = {{LogLevel::warning, "disk.img: no locks here"}};
  EXPECT_EQ(texts(odd),
            (std::vector<std::string>{
                "e4095.1: disk.img, 8 sectors, memory, read-only",
                "disk.img: the last 100 bytes are not a whole sector and are not served",
                "e4095.1: disk.img: no locks here", "e4095.1: Linux clients refuse shelf 4095"}));
  odd.store.reset();
  EXPECT_TRUE(texts(odd).empty());
}

TEST(LunChange, SaysWhatHasBecomeOfItsImage) {
  LunChange change = added_at({0, 2});
  EXPECT_EQ(change.text(), "added");
  change.kind = LunChange::Kind::replace;
  change.former_sectors = 8;
  EXPECT_EQ(change.text(), "changed, and its image opened again");
  change.found = "";
  EXPECT_EQ(change.text(), "opened again, 8 sectors as before");
  change.former_sectors = 6;
  EXPECT_EQ(change.text(), "grown from 6 to 8 sectors");
  EXPECT_FALSE(change.cuts_image());
  change.former_sectors = 10;
  EXPECT_EQ(change.text(), "shrunk from 10 to 8 sectors");
  EXPECT_TRUE(change.cuts_image());
  change.is_redefined = true;
  EXPECT_EQ(change.text(), "changed, and shrunk from 10 to 8 sectors");
  change.found = "disk.img is another file now";
  change.is_redefined = false;
  EXPECT_EQ(change.text(), "disk.img is another file now, of 8 sectors instead of 10");
  EXPECT_FALSE(change.cuts_image()) << "the former file has all that was written";
  change.former_sectors = 8;
  EXPECT_EQ(change.text(), "disk.img is another file now");
}

TEST(LunChange, OfTheSameImageThatIsServedShorterTheFormerEndIsCutOff) {
  LunChange change = added_at({0, 2});
  change.former_sectors = 10;
  EXPECT_FALSE(change.cuts_image()) << "there was no LUN";
  change.kind = LunChange::Kind::replace;
  EXPECT_TRUE(change.cuts_image());
  change.is_other_image = true;
  EXPECT_FALSE(change.cuts_image()) << "the former image has all that was written";
}

TEST(LunChange, GivesTheOptionsThatWereDefined) {
  LunChange change = added_at({3, 4});
  change.definition.model = "a model";
  change.definition.buffers = 7;
  change.definition.store.sync = true;
  const LunOptions options = change.options(8, StoreTraits{512, true, false}, "1.2");
  EXPECT_EQ(options.address, (Address{3, 4}));
  EXPECT_EQ(options.sectors, 8U);
  EXPECT_EQ(options.buffer_count, 7);
  EXPECT_FALSE(options.write_cache);
  EXPECT_TRUE(options.disk.can_trim);
  EXPECT_EQ(options.model.view(), "a model");
  EXPECT_EQ(options.revision.view(), "1.2");
  EXPECT_FALSE(options.serial.view().empty()) << "the default one";
}

}  // namespace
}  // namespace aoe::target
