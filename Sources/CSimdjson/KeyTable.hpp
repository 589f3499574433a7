#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "Buffer.hpp"

namespace roost {

/// Source keys of one kind of object, each with the fields it feeds.
///
/// Lines of one producer have their keys in one order, so each key remembers which came after it last
/// time and the usual match is one comparison.
class KeyTable {
public:
    static constexpr uint32_t none = UINT32_MAX;

    struct Target {
        uint32_t field;
        uint32_t rank;
    };
    struct Key {
        std::string name;
        /// `name` with eight spare bytes behind it.
        std::unique_ptr<uint8_t[]> bytes;
        uint32_t length = 0;
        uint32_t successor = 0;
        std::vector<Target> targets;
    };

    KeyTable(uint64_t seed) : seed(seed) { add_entry(""); }

    void add(uint32_t field, uint32_t rank, std::string_view name) {
        uint32_t found = 1;
        while (found < keys.size() && keys[found].name != name) found++;
        if (found == keys.size()) add_entry(name);
        keys[found].targets.push_back(Target{field, rank});
        rebuild();
    }

    /// Where the keys of an object begin, for `match`.
    static constexpr uint32_t start = 0;

    /// The key, or `none`; `last` is the key matched before it.
    uint32_t match(Bytes name, uint32_t &last) noexcept {
        uint32_t guess = keys[last].successor;
        if (guess && keys[guess].length == name.length &&
            same_bytes(keys[guess].bytes.get(), name.data, name.length)) {
            last = guess;
            return guess;
        }
        return look_up(name, last);
    }

    const Key &operator[](uint32_t key) const noexcept { return keys[key]; }
    size_t size() const noexcept { return keys.size(); }

    /// The keys of a field, for a person.
    std::string names(uint32_t field) const {
        std::vector<std::pair<uint32_t, const std::string *>> ranked;
        for (const Key &key : keys)
            for (const Target &target : key.targets)
                if (target.field == field) ranked.emplace_back(target.rank, &key.name);
        std::sort(ranked.begin(), ranked.end());
        std::string text;
        for (const auto &entry : ranked) text += (text.empty() ? "" : ", ") + *entry.second;
        return text;
    }

private:
    void add_entry(std::string_view name) {
        Key key;
        key.name = name;
        key.length = static_cast<uint32_t>(name.size());
        key.bytes = std::make_unique<uint8_t[]>(name.size() + 8);
        std::copy(name.begin(), name.end(), key.bytes.get());
        keys.push_back(std::move(key));
    }

    void rebuild() {
        size_t count = 16;
        while (count < keys.size() * 4) count *= 2;
        slots.assign(count, 0);
        for (uint32_t key = 1; key < keys.size(); key++) {
            size_t at = hash_bytes(keys[key].bytes.get(), keys[key].length, seed) & (count - 1);
            while (slots[at]) at = (at + 1) & (count - 1);
            slots[at] = key;
        }
    }

    uint32_t look_up(Bytes name, uint32_t &last) noexcept {
        if (slots.empty()) return none;
        size_t mask = slots.size() - 1;
        for (size_t at = hash_bytes(name.data, name.length, seed) & mask; slots[at]; at = (at + 1) & mask) {
            const Key &key = keys[slots[at]];
            if (key.length != name.length || !same_bytes(key.bytes.get(), name.data, name.length)) continue;
            keys[last].successor = slots[at];
            last = slots[at];
            return slots[at];
        }
        return none;
    }

    uint64_t seed;
    std::vector<Key> keys;
    std::vector<uint32_t> slots;
};

/// Which value of an object feeds each field: of the keys that are not null the one of lowest rank.
template <size_t Fields>
class FieldValues {
public:
    explicit FieldValues(uint64_t seed) : keys(seed) {}

    void begin() noexcept {
        present = 0;
        generation++;
    }
    void prepare() { seen.assign(keys.size(), 0); }

    /// False where the key stood in the object before.
    bool take(uint32_t key, uint32_t value, bool is_null) noexcept {
        if (seen[key] == generation) return false;
        seen[key] = generation;
        if (is_null) return true;
        for (const KeyTable::Target &target : keys[key].targets) {
            Slot &slot = slots[target.field];
            bool taken = present >> target.field & 1;
            if (taken && slot.rank <= target.rank) continue;
            slot = Slot{value, key, target.rank};
            present |= 1u << target.field;
        }
        return true;
    }

    bool has(uint32_t field) const noexcept { return present >> field & 1; }
    /// Whether one of the fields from `first` on is there.
    bool has_any_from(uint32_t first) const noexcept { return present >> first; }
    /// Where the field's value stands on the tape, 0 where it is absent.
    uint32_t value(uint32_t field) const noexcept { return has(field) ? slots[field].value : 0; }
    const std::string &key_name(uint32_t field) const noexcept { return keys[slots[field].key].name; }

    KeyTable keys;

private:
    static_assert(Fields <= 32);
    struct Slot {
        uint32_t value, key, rank;
    };
    Slot slots[Fields] = {};
    uint32_t present = 0;
    uint64_t generation = 0;
    std::vector<uint64_t> seen;
};

}  // namespace roost
