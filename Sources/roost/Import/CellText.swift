import Core

/// Reads numbers and times as tables have them.
enum CellText {
    /// A decimal number in millionths, rounded half to even beyond; thousands may stand in commas, and a
    /// spreadsheet's exponent is taken. Nil where it is no number or beyond 10¹².
    static func millionths(_ text: String) -> Int64? {
        exact(text) ?? scientific(text)
    }

    private static func exact(_ text: String) -> Int64? {
        var rest = Array(text.utf8)[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        let parts = rest.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = whole(parts[0]) else { return nil }
        guard parts.count == 2 else { return parts[0].isEmpty ? nil : signed(whole, isNegative) }
        let fraction = parts[1]
        guard fraction.allSatisfy(isDigit), !(fraction.isEmpty && parts[0].isEmpty) else { return nil }
        var value = whole
        var unit: Int64 = 100_000
        for digit in fraction.prefix(6) {
            value += Int64(digit - 48) * unit
            unit /= 10
        }
        let beyond = fraction.dropFirst(6)
        if let next = beyond.first {
            let isHalf =
                next == UInt8(ascii: "5") && beyond.dropFirst().allSatisfy { $0 == UInt8(ascii: "0") }
            if isHalf ? value % 2 == 1 : next >= UInt8(ascii: "5") { value += 1 }
        }
        return signed(value, isNegative)
    }

    /// Digits, in groups of three behind commas or without, in millionths.
    private static func whole(_ text: ArraySlice<UInt8>) -> Int64? {
        let groups = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        if groups.count > 1 {
            guard (1...3).contains(groups[0].count), groups.dropFirst().allSatisfy({ $0.count == 3 }) else {
                return nil
            }
        }
        var value: Int64 = 0
        for digit in groups.joined() {
            guard isDigit(digit), value <= 1_000_000_000_000 else { return nil }
            value = value * 10 + Int64(digit - 48)
        }
        guard value <= 1_000_000_000_000 else { return nil }
        return value * 1_000_000
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

    private static func signed(_ value: Int64, _ isNegative: Bool) -> Int64? {
        guard value <= 1_000_000_000_000_000_000 else { return nil }
        return isNegative ? -value : value
    }

    private static func scientific(_ text: String) -> Int64? {
        guard text.utf8.contains(where: { $0 | 32 == UInt8(ascii: "e") }), let first = text.utf8.first,
            isDigit(first) || first == UInt8(ascii: "-") || first == UInt8(ascii: "."),
            let number = Double(text), abs(number) <= 1e12
        else { return nil }
        return Int64((number * 1e6).rounded(.toNearestOrEven))
    }

    /// An epoch in seconds, milliseconds or microseconds by its size, an instant with its offset, or a
    /// local date and time.
    static func instant(_ text: String, zone: Zone, order: ImportMapping.DayOrder) -> EventTime? {
        if let number = Int64(text) {
            guard number.magnitude < 100_000_000_000_000_000 else { return nil }
            let unit: Int64 =
                number.magnitude < 100_000_000_000
                ? 1_000_000 : number.magnitude < 100_000_000_000_000 ? 1000 : 1
            return accepted(EventTime(microseconds: number * unit))
        }
        if let time = InstantText.parse(text) { return time }
        return local(text, clock: nil, zone: zone, order: order)
    }

    /// The instant at which the zone's wall shows a date, with the time of day behind it or in a cell of
    /// its own.
    static func local(
        _ date: String, clock: String?, zone: Zone, order: ImportMapping.DayOrder
    ) -> EventTime? {
        var scanner = DateScanner(date)
        guard let day = scanner.day(order) else { return nil }
        var wall = Int64(day) * Microseconds.day
        if let clock {
            var scanner = DateScanner(clock)
            guard let time = scanner.clock(), scanner.isAtEnd else { return nil }
            wall += time
        }
        if !scanner.isAtEnd {
            guard clock == nil, scanner.skipGap(), let time = scanner.clock(), scanner.isAtEnd else {
                return nil
            }
            wall += time
        }
        return accepted(zone.instant(wallMicroseconds: wall))
    }

    private static func accepted(_ time: EventTime) -> EventTime? {
        time >= .earliestAccepted && time <= .latestAccepted ? time : nil
    }
}

/// A date and a time of day, piece by piece.
private struct DateScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { index == bytes.count }

    /// `20241216`, `2024-12-16`, `2024/12/16`, `2024.12.16`, `12/16/2024`, `16.12.2024`, `12/16/24`.
    mutating func day(_ order: ImportMapping.DayOrder) -> Int32? {
        let begun = index
        guard let first = number() else { return nil }
        let length = index - begun
        if length == 8 { return Self.day(first / 10_000, first / 100 % 100, first % 100) }
        if length == 12 || length == 14 {
            index = begun + 8
            let day = first / (length == 12 ? 10_000 : 1_000_000)
            return Self.day(day / 10_000, day / 100 % 100, day % 100)
        }
        guard let mark = separator(), let second = number(), separator() == mark, let third = number() else {
            return nil
        }
        if length == 4 { return Self.day(first, second, third) }
        let year = third < 70 ? 2000 + third : third < 100 ? 1900 + third : third
        let monthIsFirst = order == .monthFirst && mark != UInt8(ascii: ".")
        return monthIsFirst ? Self.day(year, first, second) : Self.day(year, second, first)
    }

    private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int32? {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        let date = CalendarDate(year: year, month: month, day: day)
        return CalendarDate(dayNumber: date.dayNumber) == date ? date.dayNumber : nil
    }

    /// What stands between day and time of day; nothing, in `20241216153000`.
    mutating func skipGap() -> Bool {
        if index == 8, bytes.allSatisfy({ $0 >= 48 && $0 <= 57 }) { return true }
        let begun = index
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] | 32 == UInt8(ascii: "t") {
            index += 1
        }
        return index > begun
    }

    /// Microseconds of `9`, `09:30`, `09:30:15.25`, `0930`, `093015`.
    mutating func clock() -> Int64? {
        let begun = index
        guard var first = number() else { return nil }
        var minute = 0
        var second = 0
        switch index - begun {
        case 1, 2:
            if take(UInt8(ascii: ":")) {
                guard let found = number() else { return nil }
                minute = found
                if take(UInt8(ascii: ":")) {
                    guard let found = number() else { return nil }
                    second = found
                }
            }
        case 3, 4: (first, minute) = (first / 100, first % 100)
        case 5, 6: (first, minute, second) = (first / 10_000, first / 100 % 100, first % 100)
        default: return nil
        }
        guard first < 24, minute < 60, second < 60, let fraction = fraction() else { return nil }
        return Int64(first * 3600 + minute * 60 + second) * Microseconds.second + fraction
    }

    /// Cut beyond microseconds; 0 where there is none.
    private mutating func fraction() -> Int64? {
        guard take(UInt8(ascii: ".")) else { return 0 }
        var value: Int64 = 0
        var unit: Int64 = 100_000
        let begun = index
        while index < bytes.count, bytes[index] >= 48, bytes[index] <= 57 {
            value += Int64(bytes[index] - 48) * unit
            unit /= 10
            index += 1
        }
        return index > begun ? value : nil
    }

    private mutating func number() -> Int? {
        let begun = index
        var value = 0
        while index < bytes.count, bytes[index] >= 48, bytes[index] <= 57, index - begun < 15 {
            value = value * 10 + Int(bytes[index] - 48)
            index += 1
        }
        return index > begun ? value : nil
    }

    private mutating func separator() -> UInt8? {
        guard index < bytes.count,
            [UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: ".")].contains(bytes[index])
        else { return nil }
        index += 1
        return bytes[index - 1]
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }
}
