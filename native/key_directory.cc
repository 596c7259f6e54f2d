// The key directory: ordered linear probing without wrapping round (see the header).
#include "key_directory.h"

#include <cstdlib>

#include "require.h"

namespace everwrite {
namespace {

constexpr uint32_t kSlotsMin = 4;

/** At most 87 of 100 slots are taken; then 76 are: a growth by a seventh. */
bool isFull(uint64_t taken, uint64_t slots) { return taken * 100 > slots * 87; }
uint32_t slotsToGrow(uint64_t taken) { return static_cast<uint32_t>(taken * 100 / 76 + 1); }

/** Removals leave at least 74 of 100 homes taken; a rebuild then leaves 81 of 100 slots. */
bool isSparse(uint64_t taken, uint64_t homes) { return taken * 100 < homes * 74; }
uint32_t slotsToShrink(uint64_t taken) { return static_cast<uint32_t>(taken * 100 / 81 + 1); }

/** Slots kept behind the homes: one in 32, and two. */
uint32_t spareSlots(uint32_t slots) { return slots / 32 + 2; }

}  // namespace

uint32_t KeyDirectory::Table::homeOf(uint64_t token) const {
  const unsigned __int128 product = static_cast<unsigned __int128>(token << kTableBits) * homes;
  return static_cast<uint32_t>(product >> 64);
}

/** The first slot from the token's home on that is free or holds no smaller token. */
uint32_t KeyDirectory::Table::lowerBound(uint64_t token) const {
  uint32_t slot = homeOf(token);
  while (slot < slots && !entries[slot].isFree() && entries[slot].token < token) slot += 1;
  return slot;
}

/** The slot of the entry with this token and location, or `slots`. */
uint32_t KeyDirectory::Table::slotOf(uint64_t token, Location location) const {
  for (uint32_t slot = lowerBound(token); slot < slots; slot++) {
    const Entry& entry = entries[slot];
    if (entry.isFree() || entry.token != token) break;
    if (entry.location == location) return slot;
  }
  return slots;
}

/** Moves a table into `slots` slots, or more where its last entries need them. */
bool KeyDirectory::rebuild(Table& table, uint32_t slots) {
  Table wider;
  if (slots < kSlotsMin) slots = kSlotsMin;
  wider.homes = slots - spareSlots(slots);
  wider.taken = table.taken;

  // First pass: the slot after the last entry.
  uint64_t next = 0;
  for (uint32_t slot = 0; slot < table.slots; slot++) {
    if (table.entries[slot].isFree()) continue;
    const uint32_t home = wider.homeOf(table.entries[slot].token);
    next = (home > next ? home : next) + 1;
  }
  // More slots behind the homes where many entries are there already, so that rebuilds stay rare.
  const uint64_t needed = next + 1 + (next > wider.homes ? (next - wider.homes) / 4 : 0);
  wider.slots = needed > slots ? static_cast<uint32_t>(needed) : slots;
  wider.entries = static_cast<Entry*>(std::malloc(wider.slots * sizeof(Entry)));
  if (wider.entries == nullptr) return false;
  std::memset(static_cast<void*>(wider.entries), 0xff, wider.slots * sizeof(Entry));

  // Second pass: move the entries, in order.
  uint32_t to = 0;
  for (uint32_t slot = 0; slot < table.slots; slot++) {
    if (table.entries[slot].isFree()) continue;
    const uint32_t home = wider.homeOf(table.entries[slot].token);
    if (home > to) to = home;
    wider.entries[to++] = table.entries[slot];
  }
  slotsHeld_ += wider.slots;
  slotsHeld_ -= table.slots;
  std::free(table.entries);
  table = wider;
  return true;
}

bool KeyDirectory::insert(uint64_t token, Location location) {
  require(location.segment != kNoSegment, "an entry names a segment");
  Table& table = tables_[tableOf(token)];
  if (isFull(uint64_t{table.taken} + 1, table.slots)) {
    if (!rebuild(table, slotsToGrow(uint64_t{table.taken} + 1))) return false;
  }
  uint32_t slot = 0;
  uint32_t freeSlot = 0;
  for (;;) {
    slot = table.lowerBound(token);
    const auto hasToken = [&](const Entry& entry) {
      return !entry.isFree() && entry.token == token;
    };
    while (slot < table.slots && hasToken(table.entries[slot])) slot += 1;
    freeSlot = slot;
    while (freeSlot < table.slots && !table.entries[freeSlot].isFree()) freeSlot += 1;
    if (freeSlot < table.slots) break;
    // No slot is free up to the end: rebuild with more slots behind the homes, or with more homes.
    const uint32_t slots = slotsToGrow(uint64_t{table.taken} + 1);
    const uint32_t same = table.homes + spareSlots(table.homes);
    if (!rebuild(table, slots > same ? slots : same)) return false;
  }
  Entry* entries = table.entries;
  std::memmove(entries + slot + 1, entries + slot, (freeSlot - slot) * sizeof(Entry));
  entries[slot] = {token, location};
  table.taken += 1;
  size_ += 1;
  return true;
}

size_t KeyDirectory::find(uint64_t token, std::span<uint32_t> locations) const {
  const Table& table = tables_[tableOf(token)];
  const size_t countMax = locations.size() / 2;
  size_t count = 0;
  for (uint32_t slot = table.lowerBound(token); slot < table.slots && count < countMax; slot++) {
    const Entry& entry = table.entries[slot];
    if (entry.isFree() || entry.token != token) break;
    locations[2 * count] = entry.location.segment;
    locations[2 * count + 1] = entry.location.offset;
    count += 1;
  }
  return count;
}

void KeyDirectory::soles(std::span<const uint32_t> words, size_t stride,
                         std::span<uint32_t> out) const {
  const size_t count = out.size() / 2;
  const auto tokenAt = [&](size_t i) {
    return uint64_t{words[i * stride]} << 32 | words[i * stride + 1];
  };
  // The search waits for memory nearly all of its time: so all homes are fetched at once.
  for (size_t i = 0; i < count; i++) {
    const Table& table = tables_[tableOf(tokenAt(i))];
    if (table.slots > 0) __builtin_prefetch(table.entries + table.homeOf(tokenAt(i)));
  }
  for (size_t i = 0; i < count; i++) {
    uint32_t found[4];
    const size_t entries = find(tokenAt(i), found);
    out[2 * i] = entries == 1 ? found[0] : kNoSegment;
    out[2 * i + 1] = entries == 1 ? found[1] : static_cast<uint32_t>(entries > 0);
  }
}

bool KeyDirectory::replace(uint64_t token, Location from, Location to) {
  const Table& table = tables_[tableOf(token)];
  const uint32_t slot = table.slotOf(token, from);
  if (slot == table.slots) return false;
  require(to.segment != kNoSegment, "an entry names a segment");
  table.entries[slot].location = to;
  return true;
}

bool KeyDirectory::remove(uint64_t token, Location location) {
  Table& table = tables_[tableOf(token)];
  uint32_t slot = table.slotOf(token, location);
  if (slot == table.slots) return false;
  // Each of the next entries that is after its home moves one slot down.
  uint32_t next = slot + 1;
  while (next < table.slots && !table.entries[next].isFree() &&
         table.homeOf(table.entries[next].token) < next) {
    next += 1;
  }
  Entry* entries = table.entries;
  std::memmove(entries + slot, entries + slot + 1, (next - 1 - slot) * sizeof(Entry));
  entries[next - 1].location.segment = kNoSegment;
  table.taken -= 1;
  size_ -= 1;
  if (table.taken == 0) {
    slotsHeld_ -= table.slots;
    std::free(table.entries);
    table = Table();
  } else if (table.slots > kSlotsMin && isSparse(table.taken, table.homes)) {
    // If there is no memory for the smaller table, the present one stays in use.
    rebuild(table, slotsToShrink(table.taken));
  }
  return true;
}

size_t KeyDirectory::page(uint64_t from, std::span<uint32_t> words) const {
  const size_t countMax = words.size() / kDirectoryWords;
  size_t count = 0;
  // Entries written of the last token, and that token.
  size_t run = 0;
  uint64_t last = 0;
  for (size_t at = tableOf(from); at < kTables; at++) {
    const Table& table = tables_[at];
    uint32_t slot = at == tableOf(from) ? table.homeOf(from) : 0;
    for (; slot < table.slots; slot++) {
      const Entry& entry = table.entries[slot];
      if (entry.isFree() || entry.token < from) continue;
      if (count == countMax) return entry.token == last && run < count ? count - run : count;
      run = count > 0 && entry.token == last ? run + 1 : 1;
      last = entry.token;
      uint32_t* out = words.data() + count * kDirectoryWords;
      out[0] = static_cast<uint32_t>(entry.token >> 32);
      out[1] = static_cast<uint32_t>(entry.token);
      out[2] = entry.location.segment;
      out[3] = entry.location.offset;
      count += 1;
    }
  }
  return count;
}

void KeyDirectory::clear() {
  for (Table& table : tables_) {
    std::free(table.entries);
    table = Table();
  }
  size_ = 0;
  slotsHeld_ = 0;
}

}  // namespace everwrite
