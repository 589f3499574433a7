#pragma once

#include <cmath>
#include <string>

#include "CSimdjson.h"
#include "ParsedLine.hpp"
#include "Schema.hpp"
#include "Timestamp.hpp"

namespace roost {

/// Core's `RejectionCode`.
enum Code : uint32_t {
    bad_json = 1,
    not_object,
    missing_field,
    bad_field,
    line_too_long,
    bad_utf8,
    too_deep,
    future_timestamp,
    over_limit,
};

constexpr uint8_t flag_value = 1, flag_discount = 2, flag_percent = 4, flag_id = 8;
constexpr int coupon_shift = 4;
constexpr int64_t no_price = INT64_MIN;
constexpr uint32_t longest_id = UINT16_MAX;
constexpr uint32_t longest_user = 256;
constexpr uint32_t longest_item_name = 256;

/// One line's fields, checked, before anything of them is put into the batch: a line that fails later
/// leaves nothing behind.
class Event {
public:
    struct Item {
        int64_t quantity, price;
        Bytes id, category;
        /// Empty where none is given.
        Bytes name;
        bool has_category;
    };

    int64_t time, value, discount;
    uint8_t flags;
    Bytes user, id, name;
    Bytes dimensions[dimension_count];
    uint32_t dimension_mask;
    Buffer<Item> items;
    /// Some item has a name.
    bool has_item_names;
    /// What the event says of consent and profile, as Core's `ContactProfile(packed:)` reads it; empty: nothing.
    Buffer<uint8_t> contact;

    /// Why `read` failed.
    Code code;
    std::string detail;

    Event(const event_decoder_config &config)
        : fields(config.hash_seed), item_fields(config.hash_seed),
          zone(config.zone_starts, config.zone_offsets, config.zone_count),
          items_most(config.items_per_event) {
        fields.prepare();
        item_fields.prepare();
    }

    bool add_key(std::string_view field, uint32_t rank, std::string_view key) {
        for (uint32_t f = 0; f < field_count; f++)
            if (field == field_names[f]) {
                fields.keys.add(f, rank, key);
                fields.prepare();
                return true;
            }
        for (uint32_t f = 0; f < item_field_count; f++)
            if (field == item_field_names[f]) {
                item_fields.keys.add(f, rank, key);
                item_fields.prepare();
                return true;
            }
        return false;
    }

    void map_name(std::string_view from, std::string_view to) { names.add(from, to); }

    /// Reads the object of a `ParsedLine` or `FlatLine`; false, with `code` and `detail`, where it cannot be used.
    template <class Line>
    bool read(Line &line) noexcept {
        flags = 0;
        value = discount = 0;
        dimension_mask = 0;
        items.clear();
        has_item_names = false;
        contact.clear();
        fields.begin();
        return collect(line, 1, fields) && read_user(line) && read_time(line) && read_name(line) &&
               read_id(line) && read_dimensions(line) && read_amounts(line) && read_coupon(line) &&
               read_items(line) && value_of_items() && read_contact(line);
    }

    Bytes contact_bytes() const noexcept {
        return Bytes{contact.data(), static_cast<uint32_t>(contact.size() - 8)};
    }

    /// The names of the items as Core's `EventBatch.itemNames(of:)` reads them: of each its length in 16 bits, and
    /// its bytes.
    Bytes packed_item_names() noexcept {
        packed_names.clear();
        for (size_t i = 0; i < items.size(); i++) {
            const Bytes &item = items[i].name;
            *packed_names.extend(1) = static_cast<uint8_t>(item.length & 0xFF);
            *packed_names.extend(1) = static_cast<uint8_t>(item.length >> 8);
            if (item.length) packed_names.append(item.data, item.length);
        }
        uint32_t length = static_cast<uint32_t>(packed_names.size());
        // Spare bytes for reading eight at a time.
        std::memset(packed_names.extend(8), 0, 8);
        return Bytes{packed_names.data(), length};
    }

private:
    // MARK: Which value feeds which field

    template <class Line, size_t N>
    bool collect(Line &line, uint32_t object, FieldValues<N> &into) noexcept {
        into.begin();
        uint32_t last = KeyTable::start;
        for (uint32_t at = object + 1, end = line.end_of(object) - 1; at < end;) {
            uint32_t value = at + 1;
            uint32_t key = into.keys.match(line.string(at), last);
            if (key != KeyTable::none && !into.take(key, value, line.type(value) == 'n'))
                return fail(bad_field, "key \"" + into.keys[key].name + "\" is given twice");
            at = line.end_of(value);
        }
        return true;
    }

    // MARK: Fields of the event

    template <class Line>
    bool read_user(Line &line) noexcept {
        uint32_t at = fields.value(field_user);
        if (!at) return missing(field_user);
        if (line.type(at) == '"') user = line.string(at);
        else if (line.is_number(at)) user = literal(line, at);
        else return wrong(field_user, "must be a string or a number");
        if (user.length < 1 || user.length > longest_user)
            return wrong(field_user, "must have 1 to 256 bytes");
        return true;
    }

    template <class Line>
    bool read_time(Line &line) noexcept {
        uint32_t at = fields.value(field_time);
        if (!at) return missing(field_time);
        bool good;
        if (line.type(at) == '"') good = parse_timestamp(line.string(at).view(), zone, dates, time);
        else if (line.has_integer(at)) good = epoch_from_integer(line.integer(at), time);
        else if (line.is_number(at)) good = epoch_from_text(line.number_text(at), time);
        else return wrong(field_time, "must be a timestamp or an epoch number");
        return good || wrong(field_time, "is not a timestamp of the years 0001 to 9999");
    }

    template <class Line>
    bool read_name(Line &line) noexcept {
        uint32_t at = fields.value(field_name);
        if (!at) return missing(field_name);
        if (line.type(at) != '"') return wrong(field_name, "must be a string");
        name = names(line.string(at));
        return true;
    }

    template <class Line>
    bool read_id(Line &line) noexcept {
        uint32_t at = fields.value(field_id);
        if (!at) return true;
        if (line.type(at) != '"') return wrong(field_id, "must be a string");
        id = line.string(at);
        if (id.length > longest_id) return too_much(field_id, "is longer than 65535 bytes");
        flags |= flag_id;
        return true;
    }

    template <class Line>
    bool read_dimensions(Line &line) noexcept {
        for (uint32_t d = 0; d < dimension_count; d++) {
            uint32_t at = fields.value(field_device + d);
            if (!at) continue;
            if (line.type(at) != '"') return wrong(field_device + d, "must be a string");
            dimensions[d] = line.string(at);
            dimension_mask |= 1u << d;
        }
        return true;
    }

    template <class Line>
    bool read_amounts(Line &line) noexcept {
        if (uint32_t at = fields.value(field_value)) {
            if (!money(line, at, value)) return wrong(field_value, "must be a number of at most 10^12");
            flags |= flag_value;
        }
        if (uint32_t at = fields.value(field_discount)) {
            if (!money(line, at, discount)) return wrong(field_discount, "must be a number of at most 10^12");
            flags |= flag_discount;
        }
        if (uint32_t at = fields.value(field_discount_unit)) {
            if (line.type(at) != '"') return wrong(field_discount_unit, "must be a string");
            if (line.string(at).equals("percent")) flags |= flag_percent;
        }
        return true;
    }

    template <class Line>
    bool read_coupon(Line &line) noexcept {
        uint32_t at = fields.value(field_coupon);
        if (!at) return true;
        static constexpr std::string_view words[] = {"used", "not_used", "clicked"};
        for (int i = 0; i < 3 && line.type(at) == '"'; i++)
            if (line.string(at).equals(words[i])) {
                flags |= static_cast<uint8_t>((i + 1) << coupon_shift);
                return true;
            }
        return wrong(field_coupon, "must be \"used\", \"not_used\" or \"clicked\"");
    }

    // MARK: Items

    template <class Line>
    bool read_items(Line &line) noexcept {
        uint32_t array = fields.value(field_items);
        if (!array) return true;
        if (line.type(array) != '[') return wrong(field_items, "must be an array");
        if (line.count(array) > items_most)
            return too_much(field_items, "has more than " + std::to_string(items_most) + " elements");
        for (uint32_t at = array + 1, end = line.end_of(array) - 1; at < end; at = line.end_of(at)) {
            if (line.type(at) != '{') return wrong(field_items, "must hold objects only");
            if (!collect(line, at, item_fields)) return false;
            if (!read_item(line, *items.extend(1))) return false;
        }
        return true;
    }

    template <class Line>
    bool read_item(Line &line, Item &item) noexcept {
        uint32_t at = item_fields.value(item_id);
        if (!at)
            return fail(bad_field, place(item_id) + " is missing (keys: " + item_fields.keys.names(item_id) + ")");
        if (line.type(at) == '"') item.id = line.string(at);
        else if (line.is_number(at)) item.id = number_bytes(line.number_text(at));
        else return wrong_item(item_id, "must be a string or a number");
        if (item.id.length > longest_id)
            return fail(over_limit, place(item_id) + " is longer than 65535 bytes");

        at = item_fields.value(item_category);
        item.has_category = at != 0;
        if (at) {
            if (line.type(at) != '"') return wrong_item(item_category, "must be a string");
            item.category = line.string(at);
        }
        item.quantity = million;
        at = item_fields.value(item_quantity);
        if (at && !money(line, at, item.quantity))
            return wrong_item(item_quantity, "must be a number of at most 10^12");
        item.price = no_price;
        at = item_fields.value(item_price);
        if (at && !money(line, at, item.price))
            return wrong_item(item_price, "must be a number of at most 10^12");
        // What is no text, or too long, is as if it were not there.
        item.name = Bytes{};
        at = item_fields.value(item_name);
        if (__builtin_expect(at != 0, 0) && line.type(at) == '"') {
            item.name = line.string(at);
            if (item.name.length > longest_item_name) item.name.length = 0;
            has_item_names |= item.name.length != 0;
        }
        return true;
    }

    /// A purchase or refund with items and no value is worth Σ quantity × price, to the nearest millionth.
    bool value_of_items() noexcept {
        if ((flags & flag_value) || items.size() == 0) return true;
        if (!name.equals("purchase") && !name.equals("refund")) return true;
        __int128 sum = 0;
        bool overflow = false;
        for (size_t i = 0; i < items.size(); i++)
            if (items[i].price != no_price)
                overflow |= __builtin_add_overflow(
                    sum, static_cast<__int128>(items[i].quantity) * items[i].price, &sum);
        __int128 rest = sum % million;
        sum /= million;
        if (rest >= million / 2) sum++;
        if (rest <= -million / 2) sum--;
        if (overflow || sum > money_most || sum < -money_most)
            return wrong(field_items, "are worth more than 10^12");
        value = static_cast<int64_t>(sum);
        flags |= flag_value;
        return true;
    }

    // MARK: Consent and profile

    static constexpr uint32_t most_channels = 16, longest_channel = 200, longest_word = 256;

    template <class Line>
    bool read_contact(Line &line) noexcept {
        if (__builtin_expect(!fields.has_any_from(field_consent), 1)) return true;
        put_contact(0);
        put_contact(0);
        if (uint32_t at = fields.value(field_consent); at && !read_consent(line, at))
            return wrong(
                field_consent, "must be true, false, or an object of up to 16 channels with true or false each");
        uint32_t said = contact[0] | contact[1];
        for (uint32_t f : {field_user_name, field_language, field_timezone}) said += put_word(line, fields.value(f));
        if (!said) contact.clear();
        else std::memset(contact.extend(8), 0, 8);
        return true;
    }

    /// 1: granted, 2: refused; then how many channels, and each.
    template <class Line>
    bool read_consent(Line &line, uint32_t at) noexcept {
        if (line.type(at) != '{') return read_flag(line, at, contact[0]);
        if (line.count(at) > most_channels) return false;
        for (uint32_t key = at + 1, end = line.end_of(at) - 1; key < end; key = line.end_of(key + 1)) {
            Bytes name = line.string(key);
            uint8_t granted;
            if (name.length < 1 || name.length > longest_channel || !read_flag(line, key + 1, granted)) return false;
            contact[1]++;
            put_contact(granted);
            put_contact(static_cast<uint8_t>(name.length));
            contact.append(name.data, name.length);
        }
        return true;
    }

    template <class Line>
    static bool read_flag(Line &line, uint32_t at, uint8_t &granted) noexcept {
        granted = line.type(at) == 't' ? 1 : 2;
        return line.type(at) == 't' || line.type(at) == 'f';
    }

    /// A text with its length before it. What is no text, or too long, is as if it were not there.
    template <class Line>
    uint32_t put_word(Line &line, uint32_t at) noexcept {
        Bytes word{};
        if (at && line.type(at) == '"') word = line.string(at);
        if (word.length > longest_word) word.length = 0;
        put_contact(static_cast<uint8_t>(word.length & 0xFF));
        put_contact(static_cast<uint8_t>(word.length >> 8));
        if (word.length) contact.append(word.data, word.length);
        return word.length;
    }

    void put_contact(uint8_t byte) noexcept { *contact.extend(1) = byte; }

    // MARK: Numbers

    static Bytes number_bytes(std::string_view text) noexcept {
        return Bytes{reinterpret_cast<const uint8_t *>(text.data()), static_cast<uint32_t>(text.size())};
    }

    /// The literal text of a number. An integer's is its shortest form, but for -0.
    template <class Line>
    Bytes literal(Line &line, uint32_t at) noexcept {
        if (!line.has_integer(at) || line.integer(at) == 0)
            return number_bytes(line.number_text(at));
        int64_t number = line.integer(at);
        uint64_t rest = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
        uint8_t *end = user_digits + 24, *p = end;
        for (; rest; rest /= 10) *--p = static_cast<uint8_t>('0' + rest % 10);
        if (number < 0) *--p = '-';
        return Bytes{p, static_cast<uint32_t>(end - p)};
    }

    /// Millionths, rounded half away from zero. False where it is no number or beyond ±10^12.
    template <class Line>
    bool money(Line &line, uint32_t at, int64_t &out) noexcept {
        if (line.has_integer(at)) {
            int64_t whole = line.integer(at);
            if (whole > money_most / million || whole < -money_most / million) return false;
            out = whole * million;
            return true;
        }
        if (!line.is_number(at)) return false;
        if (line.has_real(at) && money_from_double(line.real(at), out)) return true;
        if (!decimal_scaled(line.number_text(at), 6, Rounding::half_away, out)) return false;
        return out <= money_most && out >= -money_most;
    }

    /// Below 10^9 the double is within 0.13 millionths of the text, so that all but near halves are sure.
    static bool money_from_double(double amount, int64_t &out) noexcept {
        if (!(std::fabs(amount) < 1e9)) return false;
        double millionths = amount * 1e6;
        double nearest = std::nearbyint(millionths);
        if (std::fabs(millionths - nearest) > 0.3) return false;
        out = static_cast<int64_t>(nearest);
        return true;
    }

    // MARK: Failures

    bool fail(Code why, std::string what) noexcept {
        code = why;
        detail = std::move(what);
        return false;
    }
    bool missing(uint32_t field) noexcept {
        return fail(
            missing_field, std::string(field_names[field]) + " is missing (keys: " + fields.keys.names(field) + ")");
    }
    std::string named(uint32_t field) const {
        return std::string(field_names[field]) + " (key \"" + fields.key_name(field) + "\") ";
    }
    bool wrong(uint32_t field, const char *what) noexcept { return fail(bad_field, named(field) + what); }
    bool too_much(uint32_t field, const std::string &what) noexcept { return fail(over_limit, named(field) + what); }
    std::string place(uint32_t field) const {
        return "items[" + std::to_string(items.size() - 1) + "]." + item_field_names[field];
    }
    bool wrong_item(uint32_t field, const char *what) noexcept {
        return fail(bad_field, place(field) + " (key \"" + item_fields.key_name(field) + "\") " + what);
    }

    FieldValues<field_count> fields;
    FieldValues<item_field_count> item_fields;
    NameMap names;
    ZoneTable zone;
    DateMemory dates;
    size_t items_most;
    Buffer<uint8_t> packed_names;
    /// Digits of a user id that came as an integer, and spare bytes for reading eight at a time.
    uint8_t user_digits[32] = {};
};

}  // namespace roost
