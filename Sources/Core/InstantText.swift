/// An instant as RFC 3339 writes it, the offset required: `2025-01-01T00:00:00Z`, `…T09:00:00.5+09:00`.
package enum InstantText {
    /// Nil where the text is no such instant or lies outside the years 1 to 9999. Finer fractions than
    /// a microsecond are cut.
    package static func parse(_ text: String) -> EventTime? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, let year = digits(bytes, 0, 4), bytes[4] == UInt8(ascii: "-"),
            let month = digits(bytes, 5, 2), bytes[7] == UInt8(ascii: "-"), let day = digits(bytes, 8, 2),
            [UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")].contains(bytes[10]),
            let hour = digits(bytes, 11, 2), bytes[13] == UInt8(ascii: ":"),
            let minute = digits(bytes, 14, 2), bytes[16] == UInt8(ascii: ":"),
            let second = digits(bytes, 17, 2),
            year >= 1, (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        let date = CalendarDate(year: year, month: month, day: day)
        guard CalendarDate(dayNumber: date.dayNumber) == date else { return nil }
        var index = 19
        guard let fraction = fraction(bytes, &index), let offset = offset(bytes, index) else { return nil }
        let seconds = Int64(hour * 3600 + minute * 60 + second) - offset
        let time = EventTime(
            microseconds: Int64(date.dayNumber) * Microseconds.day + seconds * Microseconds.second + fraction)
        guard time >= .earliestAccepted, time <= .latestAccepted else { return nil }
        return time
    }

    private static func digits(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int? {
        guard start + count <= bytes.count else { return nil }
        var value = 0
        for byte in bytes[start..<start + count] {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// Microseconds after the point, 0 where there is none.
    private static func fraction(_ bytes: [UInt8], _ index: inout Int) -> Int64? {
        guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return 0 }
        index += 1
        let start = index
        var value: Int64 = 0
        var unit: Int64 = 100_000
        while index < bytes.count, let digit = digits(bytes, index, 1) {
            value += Int64(digit) * unit
            unit /= 10
            index += 1
        }
        return index > start ? value : nil
    }

    /// Seconds east of Greenwich.
    private static func offset(_ bytes: [UInt8], _ index: Int) -> Int64? {
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return index + 1 == bytes.count ? 0 : nil
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard index + 6 == bytes.count, bytes[index + 3] == UInt8(ascii: ":"),
                let hours = digits(bytes, index + 1, 2), let minutes = digits(bytes, index + 4, 2),
                hours < 24, minutes < 60
            else { return nil }
            let seconds = Int64(hours * 3600 + minutes * 60)
            return bytes[index] == UInt8(ascii: "-") ? -seconds : seconds
        default: return nil
        }
    }
}
