#include "target/service/port_table.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/store/memory_store.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

std::unique_ptr<ServedLun> lun_at(Address address) {
  LunOptions options;
  options.address = address;
  options.sectors = 1;
  return std::make_unique<ServedLun>(options, std::make_unique<MemoryStore>(sector_size));
}

class PortTableTest : public ::testing::Test {
 protected:
  PortTableTest() {
    for (const Address address : {Address{1, 1}, Address{2, 1}, Address{1, 2}}) {
      luns.emplace(address, lun_at(address));
    }
    table.fill(luns);
  }
  std::string covered(Address address) {
    std::string text;
    for (const ServedLun* lun : table.covered(address)) {
      text += fmt::format("{} ", lun->lun.address());
    }
    return text;
  }

  std::unique_ptr<MemoryPort> port = std::move(MemoryPort::pair({}, {}).first);
  ServedLuns luns;
  PortTable table{*port};
};

TEST_F(PortTableTest, ExactAddressFindsOneLun) {
  EXPECT_EQ(covered({1, 2}), "e1.2 ");
  EXPECT_EQ(table.find({1, 2}), luns.at({1, 2}).get());
  EXPECT_EQ(covered({2, 2}), "");
  EXPECT_EQ(table.find({2, 2}), nullptr);
}

TEST_F(PortTableTest, WildcardFindsAllThatItCoversInTheOrderOfAddresses) {
  EXPECT_EQ(covered({1, Address::any_slot}), "e1.1 e1.2 ");
  EXPECT_EQ(covered({Address::any_shelf, 1}), "e1.1 e2.1 ");
  EXPECT_EQ(covered(Address::everyone()), "e1.1 e1.2 e2.1 ");
  EXPECT_EQ(covered({3, Address::any_slot}), "");
}

TEST_F(PortTableTest, WildcardIsGoneThroughInParts) {
  const auto part = [this](Address address, Address from, std::size_t most) {
    std::string text;
    for (const ServedLun* lun : table.covered(address, from, most)) {
      text += fmt::format("{} ", lun->lun.address());
    }
    return text;
  };
  EXPECT_EQ(part(Address::everyone(), {}, 2), "e1.1 e1.2 ");
  EXPECT_EQ(part(Address::everyone(), {1, 3}, 2), "e2.1 ");
  EXPECT_EQ(part({1, Address::any_slot}, {1, 2}, 2), "e1.2 ");
  EXPECT_EQ(part({1, Address::any_slot}, {1, 3}, 2), "");
  EXPECT_EQ(part({Address::any_shelf, 1}, {1, 2}, 1), "e2.1 ");
}

TEST_F(PortTableTest, AdmissionDecidesWhatIsAdded) {
  table.set_admission([](const ServedLun& lun) { return lun.lun.address().shelf == 1; });
  EXPECT_EQ(covered(Address::everyone()), "e1.1 e1.2 e2.1 ") << "until it is filled again";
  table.fill(luns);
  EXPECT_EQ(covered(Address::everyone()), "e1.1 e1.2 ");
  EXPECT_EQ(table.find({2, 1}), nullptr);
  const auto other = lun_at({2, 5});
  table.add(*other);
  EXPECT_EQ(table.find({2, 5}), nullptr);
}

TEST_F(PortTableTest, RemovedLunIsNotFound) {
  table.remove(*luns.at({1, 1}));
  EXPECT_EQ(covered(Address::everyone()), "e1.2 e2.1 ");
  EXPECT_EQ(table.find({1, 1}), nullptr);
  const auto absent = lun_at({1, 2});
  table.remove(*absent);
  EXPECT_EQ(table.find({1, 2}), luns.at({1, 2}).get()) << "another LUN with its address stays";
}

}  // namespace
}  // namespace aoe::target
