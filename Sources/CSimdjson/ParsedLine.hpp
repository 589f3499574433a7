#pragma once

#include <algorithm>
#include <simdjson.h>

#include "Buffer.hpp"
#include "Decimal.hpp"

namespace roost {

/// One line as simdjson's DOM tape, together with what the tape loses: the text of its numbers.
///
/// Tape format: simdjson, doc/tape.md. Word 0 is the root, word 1 the document's value.
class ParsedLine {
public:
    explicit ParsedLine(size_t nesting) noexcept : nesting(nesting) { renew(); }

    /// Parses in place; padding is readable behind the line.
    simdjson::error_code parse(std::string_view text) noexcept {
        line = text;
        tokens.clear();
        numbers_from_text = false;
        // Doubling, so that lines that grow a little do not reallocate each time.
        if (text.size() > capacity) {
            while (capacity < text.size()) capacity *= 2;
            if (auto error = allocate()) return error;
        }
        simdjson::error_code error = parser->parse(text.data(), text.size(), false).error();
        if (__builtin_expect(error == simdjson::NUMBER_ERROR, 0)) error = parse_without_numbers();
        if (error == simdjson::SUCCESS) {
            words = parser->doc.tape.get();
            strings = parser->doc.string_buf.get();
            if (end_of(1) - 1 > 2 * nesting && is_too_deep()) return simdjson::DEPTH_ERROR;
        }
        return error;
    }

    /// Gives back the memory that a very long line took.
    void trim() noexcept {
        if (capacity > ordinary) renew();
    }

    char type(uint32_t at) const noexcept { return static_cast<char>(words[at] >> 56); }
    bool is_number(uint32_t at) const noexcept { return type(at) == 'l' || type(at) == 'u' || type(at) == 'd'; }
    bool has_integer(uint32_t at) const noexcept { return type(at) == 'l' && !numbers_from_text; }
    bool has_real(uint32_t at) const noexcept { return type(at) == 'd' && !numbers_from_text; }
    /// The word behind a value.
    uint32_t end_of(uint32_t at) const noexcept {
        switch (type(at)) {
        case '{':
        case '[': return static_cast<uint32_t>(words[at]);
        case 'l':
        case 'u':
        case 'd': return at + 2;
        default: return at + 1;
        }
    }
    Bytes string(uint32_t at) const noexcept {
        const uint8_t *p = strings + (words[at] & 0x00FFFFFFFFFFFFFFull);
        Bytes bytes;
        std::memcpy(&bytes.length, p, sizeof bytes.length);
        bytes.data = p + sizeof bytes.length;
        return bytes;
    }
    /// Elements or members, as far as the tape counts them (2^24 - 1).
    uint32_t count(uint32_t at) const noexcept { return static_cast<uint32_t>(words[at] >> 32) & 0xFFFFFF; }
    int64_t integer(uint32_t at) const noexcept { return static_cast<int64_t>(words[at + 1]); }
    double real(uint32_t at) const noexcept {
        double value;
        std::memcpy(&value, &words[at + 1], sizeof value);
        return value;
    }

    /// Some number of this line is beyond doubles: what the tape says of numbers does not hold.
    bool numbers_from_text = false;

    /// A number as the line has it.
    std::string_view number_text(uint32_t at) noexcept {
        if (tokens.size() == 0) find_tokens();
        const Token *first = tokens.data(), *last = first + tokens.size();
        const Token *found =
            std::lower_bound(first, last, at, [](const Token &t, uint32_t word) { return t.word < word; });
        return line.substr(found->offset, found->length);
    }

private:
    static constexpr size_t ordinary = 1 << 16;
    struct Token {
        uint32_t word, offset, length;
    };

    void renew() noexcept {
        parser = std::make_unique<simdjson::dom::parser>();
        capacity = 4096;
        if (allocate()) std::abort();
    }

    simdjson::error_code allocate() noexcept {
        simdjson::error_code error = parser->allocate(capacity, nesting + 1);
        return error ? error : parser->doc.allocate(capacity);
    }

    /// Calls back with every number's text in order of appearance.
    template <class Visit>
    void each_number(Visit visit) const noexcept {
        const char *text = line.data();
        size_t n = line.size();
        for (size_t i = 0; i < n;) {
            char c = text[i];
            if (c == '"') {
                for (i++; i < n && text[i] != '"'; i++)
                    if (text[i] == '\\') i++;
                i++;
            } else if (c == '-' || (c >= '0' && c <= '9')) {
                size_t from = i;
                while (i < n && is_number_character(text[i])) i++;
                visit(from, i - from);
            } else {
                i++;
            }
        }
    }

    static bool is_number_character(char c) noexcept {
        return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
    }

    void find_tokens() noexcept {
        uint32_t word = 1;
        each_number([&](size_t offset, size_t length) {
            while (!is_number(word)) word++;
            *tokens.extend(1) = Token{word, static_cast<uint32_t>(offset), static_cast<uint32_t>(length)};
            word += 2;
        });
    }

    /// Numbers beyond doubles are valid JSON, which simdjson refuses: parses a copy in which every valid
    /// number is 0, and lets the values be read from the text.
    __attribute__((noinline)) simdjson::error_code parse_without_numbers() noexcept {
        copy.clear();
        char *to = copy.extend(line.size() + simdjson::SIMDJSON_PADDING);
        std::memcpy(to, line.data(), line.size());
        std::memset(to + line.size(), 0, simdjson::SIMDJSON_PADDING);
        each_number([&](size_t offset, size_t length) {
            if (!is_json_number(line.substr(offset, length))) return;
            std::memset(to + offset, ' ', length);
            to[offset] = '0';
        });
        numbers_from_text = true;
        auto error = parser->parse(to, line.size(), false).error();
        copy.trim(ordinary);
        return error;
    }

    /// simdjson lets an empty container stand one level below its limit.
    bool is_too_deep() const noexcept {
        size_t depth = 0;
        for (uint32_t at = 1, end = end_of(1); at < end;) {
            char t = type(at);
            if (t == '{' || t == '[') {
                if (++depth > nesting) return true;
            } else if (t == '}' || t == ']') {
                depth--;
            }
            at += t == 'l' || t == 'u' || t == 'd' ? 2 : 1;
        }
        return false;
    }

    size_t nesting;
    size_t capacity = 0;
    std::unique_ptr<simdjson::dom::parser> parser;
    std::string_view line;
    const uint64_t *words = nullptr;
    const uint8_t *strings = nullptr;
    Buffer<Token> tokens;
    Buffer<char> copy;
};

}  // namespace roost
