#pragma once

#include <simdjson.h>

#include "Buffer.hpp"
#include "Decimal.hpp"

namespace roost {

/// Where simdjson's first stage finds structure in some whole lines: brackets, colons, commas, and where
/// strings and other values begin. One pass over many lines costs a fraction of one pass each.
class Structure {
public:
    /// Finds it; false where something in these lines is broken, so that each is to be looked at by itself.
    bool find(const uint8_t *bytes, size_t length) noexcept {
        at = 0;
        if (length > capacity) {
            capacity = length;
            if (parser.allocate(capacity, 4)) return false;
        }
        auto &stage = *parser.implementation;
        if (stage.stage1(bytes, length, simdjson::stage1_mode::regular)) return false;
        places = stage.structural_indexes.get();
        count = stage.n_structural_indexes;
        return true;
    }

    /// Place of the next one, at least the length where there is none.
    uint32_t peek() const noexcept { return places[at]; }
    uint32_t take() noexcept { return places[at++]; }
    void skip_to(uint32_t offset) noexcept {
        while (at < count && places[at] < offset) at++;
    }
    bool ended() const noexcept { return at >= count; }

private:
    simdjson::dom::parser parser;
    size_t capacity = 0;
    const uint32_t *places = nullptr;
    uint32_t at = 0, count = 0;
};

/// A line in the form nearly all have: an object of strings, numbers, words and arrays of such objects, no
/// escapes. Reads like `ParsedLine`, of which it is the quick half: what it does not take is not thereby
/// wrong, and what it takes is valid JSON.
class FlatLine {
public:
    /// - Parameter structure: stands at the line's first; behind its last afterwards where this is true.
    /// - Parameter base: what its places count from.
    bool parse(Structure &structure, const uint8_t *base, uint32_t end) noexcept {
        bytes = base;
        tokens.clear();
        *tokens.extend(1) = Token{};
        return object(structure, end, 1) && (structure.ended() || structure.peek() >= end);
    }

    char type(uint32_t at) const noexcept { return tokens[at].type; }
    bool is_number(uint32_t at) const noexcept { return tokens[at].type == 'l' || tokens[at].type == 'd'; }
    bool has_integer(uint32_t at) const noexcept { return tokens[at].type == 'l'; }
    /// Fractions are read from the text.
    bool has_real(uint32_t) const noexcept { return false; }
    uint32_t end_of(uint32_t at) const noexcept { return tokens[at].end; }
    uint32_t count(uint32_t at) const noexcept { return tokens[at].count; }
    Bytes string(uint32_t at) const noexcept { return Bytes{bytes + tokens[at].offset, tokens[at].length}; }
    int64_t integer(uint32_t at) const noexcept { return tokens[at].whole; }
    double real(uint32_t) const noexcept { return 0; }
    std::string_view number_text(uint32_t at) const noexcept { return string(at).view(); }

private:
    struct Token {
        uint32_t offset, length;
        /// Of a container: elements or members. The token behind a value.
        uint32_t count, end;
        int64_t whole;
        char type;
    };

    bool object(Structure &s, uint32_t end, int depth) noexcept {
        if (s.ended() || s.peek() >= end || bytes[s.take()] != '{') return false;
        uint32_t self = open('{');
        uint32_t members = 0;
        while (true) {
            uint32_t key = s.take();
            if (key >= end || bytes[key] != '"') return false;
            uint32_t colon = s.take();
            if (colon >= end || bytes[colon] != ':' || !text(key, colon)) return false;
            if (!value(s, end, depth)) return false;
            members++;
            uint32_t next = s.take();
            if (next >= end) return false;
            if (bytes[next] == '}') break;
            if (bytes[next] != ',') return false;
        }
        close(self, members, '}');
        return true;
    }

    /// Leaves the structure at the comma or bracket behind the value.
    bool value(Structure &s, uint32_t end, int depth) noexcept {
        uint32_t at = s.peek();
        if (at >= end) return false;
        uint8_t c = bytes[at];
        if (c == '[') return depth == 1 && array(s, end);
        if (c == '{') return false;
        s.take();
        uint32_t next = s.peek();
        if (next >= end) return false;
        if (c == '"') return text(at, next);
        return scalar(at, next);
    }

    bool array(Structure &s, uint32_t end) noexcept {
        s.take();
        uint32_t self = open('[');
        uint32_t elements = 0;
        while (true) {
            if (!object(s, end, 2)) return false;
            elements++;
            uint32_t next = s.take();
            if (next >= end) return false;
            if (bytes[next] == ']') break;
            if (bytes[next] != ',') return false;
        }
        close(self, elements, ']');
        return true;
    }

    uint32_t open(char type) noexcept {
        uint32_t self = static_cast<uint32_t>(tokens.size());
        Token &token = *tokens.extend(1);
        token.type = type;
        return self;
    }

    /// Ends a container; as on simdjson's tape its end has a place of its own.
    void close(uint32_t self, uint32_t count, char type) noexcept {
        Token &last = *tokens.extend(1);
        last.type = type;
        tokens[self].count = count;
        tokens[self].end = static_cast<uint32_t>(tokens.size());
    }

    static bool is_space(uint8_t c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

    /// A string that begins at a quote and is all there is before `next`.
    bool text(uint32_t quote, uint32_t next) noexcept {
        uint32_t last = next - 1;
        while (is_space(bytes[last])) last--;
        if (last <= quote || bytes[last] != '"') return false;
        Token &token = *tokens.extend(1);
        token.offset = quote + 1;
        token.length = last - quote - 1;
        token.end = static_cast<uint32_t>(tokens.size());
        token.type = '"';
        return true;
    }

    bool scalar(uint32_t at, uint32_t next) noexcept {
        uint32_t length = next - at;
        while (length > 1 && is_space(bytes[at + length - 1])) length--;
        std::string_view word(reinterpret_cast<const char *>(bytes + at), length);
        Token &token = *tokens.extend(1);
        token.offset = at;
        token.length = length;
        token.end = static_cast<uint32_t>(tokens.size());
        switch (bytes[at]) {
        case 't': token.type = 't'; return word == "true";
        case 'f': token.type = 'f'; return word == "false";
        case 'n': token.type = 'n'; return word == "null";
        default: return number(word, token);
        }
    }

    static bool number(std::string_view word, Token &token) noexcept {
        size_t i = word[0] == '-';
        size_t digits = word.size() - i;
        if (digits > 0 && digits <= 18 && (word[i] != '0' || digits == 1)) {
            uint64_t whole = 0;
            size_t k = i;
            for (; k < word.size(); k++) {
                unsigned digit = static_cast<unsigned char>(word[k]) - '0';
                if (digit > 9) break;
                whole = whole * 10 + digit;
            }
            if (k == word.size()) {
                token.type = 'l';
                token.whole = i ? -static_cast<int64_t>(whole) : static_cast<int64_t>(whole);
                return true;
            }
        }
        token.type = 'd';
        return is_json_number(word);
    }

    const uint8_t *bytes = nullptr;
    Buffer<Token> tokens;
};

}  // namespace roost
