#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "KeyTable.hpp"

namespace roost {

/// Fields of an event; the dimensions in the order of Core's `Dimension`.
enum Field : uint32_t {
    field_user,
    field_time,
    field_name,
    field_id,
    field_value,
    field_device,
    field_discount = field_device + 12,
    field_discount_unit,
    field_coupon,
    field_items,
    field_consent,
    field_user_name,
    field_language,
    field_timezone,
    field_count,
};
constexpr uint32_t dimension_count = 12;

/// Fields of one element of `items`.
enum ItemField : uint32_t { item_id, item_category, item_quantity, item_price, item_name, item_field_count };

constexpr const char *field_names[field_count] = {
    "user",   "time",   "name",      "id",      "value", "device", "media",       "type",
    "channel", "payment_method", "gender", "age_band", "region", "promo_code", "partner", "store",
    "search_term", "discount", "discount_unit", "coupon", "items", "consent", "user_name", "language",
    "timezone",
};
constexpr const char *item_field_names[item_field_count] = {
    "item_id", "item_category", "quantity", "price", "item_name",
};

/// Event names as configured: the name in the line and the name in the contract.
class NameMap {
public:
    void add(std::string_view from, std::string_view to) {
        std::string padded(to);
        padded.append(8, '\0');
        names.insert_or_assign(std::string(from), std::move(padded));
    }
    Bytes operator()(Bytes name) const noexcept {
        if (names.empty()) return name;
        auto found = names.find(name.view());
        if (found == names.end()) return name;
        return Bytes{
            reinterpret_cast<const uint8_t *>(found->second.data()),
            static_cast<uint32_t>(found->second.size() - 8)};
    }

private:
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    std::unordered_map<std::string, std::string, Hash, std::equal_to<>> names;
};

}  // namespace roost
