import Core

/// Builds `Zone` from tzdata's compiled files (TZif, RFC 9636): the transitions they list, and the rule of
/// their footer continued to the year 2100.
struct ZoneTable {
    /// Where Debian keeps tzdata; `TZDIR` of glibc is not heeded, so that a store means one thing.
    static let directory = "/usr/share/zoneinfo"

    private static let lastYear = 2100

    /// - Returns: nil where tzdata has no such zone, or a file that is not TZif.
    static func zone(named name: String) -> Zone? {
        if name == "UTC" { return .utc }
        guard isPlain(name) else { return nil }
        do {
            return zone(named: name, tzif: try File.read(path: "\(directory)/\(name)"))
        } catch {
            // No file, or a directory such as `Asia`: no zone of that name either way.
            return nil
        }
    }

    /// An IANA name and not a way out of the directory.
    private static func isPlain(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { part in
            !part.isEmpty && part.first != "."
                && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-_".contains($0)) }
        }
    }

    static func zone(named name: String, tzif bytes: [UInt8]) -> Zone? {
        var reader = TZifReader(bytes: bytes)
        guard let file = reader.read() else { return nil }
        var starts: [Int64] = [.min]
        var offsets: [Int64] = [file.firstOffset]
        func add(_ second: Int64, _ offset: Int64) {
            guard offset != offsets[offsets.count - 1] else { return }
            starts.append(second * Microseconds.second)
            offsets.append(offset)
        }
        for (second, offset) in file.transitions { add(second, offset) }
        guard let rule = PosixRule(file.footer) else {
            return file.footer.isEmpty ? Zone(name: name, starts: starts, offsets: offsets) : nil
        }
        let from = file.transitions.last?.second ?? Int64.min
        for (second, offset) in rule.transitions(through: lastYear) where second > from {
            add(second, offset)
        }
        return Zone(name: name, starts: starts, offsets: offsets)
    }
}

/// The second block of a TZif file, times in seconds, offsets in microseconds.
private struct TZifReader {
    struct Content {
        var firstOffset: Int64
        var transitions: [(second: Int64, offset: Int64)]
        var footer: String
    }

    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func integer(_ width: Int) -> Int64 {
        var value: UInt64 = 0
        for _ in 0..<width {
            value = value << 8 | UInt64(position < bytes.count ? bytes[position] : 0)
            position += 1
        }
        return width == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }

    private struct Header {
        var version: UInt8
        var isUTCount, isStandardCount, leapCount, timeCount, typeCount, characterCount: Int
        func bodyLength(timeWidth: Int) -> Int {
            timeCount * (timeWidth + 1) + typeCount * 6 + characterCount + leapCount * (timeWidth + 4)
                + isStandardCount + isUTCount
        }
    }

    private mutating func header() -> Header? {
        guard bytes.count >= position + 44, bytes[position..<position + 4].elementsEqual("TZif".utf8)
        else { return nil }
        let version = bytes[position + 4]
        position += 20
        let counts = (0..<6).map { _ in Int(integer(4)) }
        guard counts.allSatisfy({ $0 >= 0 && $0 < 100_000 }) else { return nil }
        return Header(
            version: version, isUTCount: counts[0], isStandardCount: counts[1], leapCount: counts[2],
            timeCount: counts[3], typeCount: counts[4], characterCount: counts[5])
    }

    mutating func read() -> Content? {
        guard let first = header(), first.version >= UInt8(ascii: "2") else { return nil }
        position += first.bodyLength(timeWidth: 4)
        guard let second = header(), second.typeCount > 0,
            position + second.bodyLength(timeWidth: 8) <= bytes.count
        else { return nil }
        let end = position + second.bodyLength(timeWidth: 8)
        let times = (0..<second.timeCount).map { _ in integer(8) }
        let types = (0..<second.timeCount).map { _ in Int(UInt8(truncatingIfNeeded: integer(1))) }
        let offsets = (0..<second.typeCount).map { _ in
            let offset = integer(4) * Microseconds.second
            position += 2
            return offset
        }
        guard types.allSatisfy({ $0 < offsets.count }) else { return nil }
        let footer = bytes[end...].split(separator: 0x0A).first.map { String(decoding: $0, as: UTF8.self) }
        return Content(
            firstOffset: offsets[0],
            transitions: zip(times, types).map { (second: $0, offset: offsets[$1]) }, footer: footer ?? "")
    }
}

/// The rule of a TZif footer: `KST-9`, `EST5EDT,M3.2.0,M11.1.0`, `<-03>3<-02>,M3.5.0/-2,M10.5.0/-1`
/// (POSIX TZ with the extensions of RFC 9636: hours from -167 to 167).
private struct PosixRule {
    private struct Change {
        /// Nil: a day of the year instead.
        var month: Int?
        var week = 0
        var weekday = 0
        var dayOfYear = 0
        /// A Julian day 1…365 never counts 29 February.
        var skipsLeapDay = false
        var seconds: Int64 = 2 * 3600

        func second(year: Int) -> Int64 {
            let day: Int32
            if let month {
                let first = CalendarDate(year: year, month: month, day: 1).dayNumber
                // 1970-01-01 was a Thursday, weekday 4.
                let firstWeekday = Int(((first % 7) + 7 + 4) % 7)
                var candidate = first + Int32((weekday - firstWeekday + 7) % 7) + Int32(7 * (week - 1))
                let next =
                    month == 12
                    ? CalendarDate(year: year + 1, month: 1, day: 1).dayNumber
                    : CalendarDate(year: year, month: month + 1, day: 1).dayNumber
                while candidate >= next { candidate -= 7 }
                day = candidate
            } else {
                let first = CalendarDate(year: year, month: 1, day: 1).dayNumber
                let isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
                day = first + Int32(dayOfYear) + (skipsLeapDay && isLeap && dayOfYear >= 59 ? 1 : 0)
            }
            return Int64(day) * 86_400 + seconds
        }
    }

    private var standard: Int64
    private var summer: Int64?
    private var changes: [Change] = []

    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        guard Self.skipName(&rest), let offset = Self.clock(&rest) else { return nil }
        standard = -offset
        guard !rest.isEmpty else { return }
        guard Self.skipName(&rest) else { return nil }
        if let next = rest.first, next != UInt8(ascii: ",") {
            guard let offset = Self.clock(&rest) else { return nil }
            summer = -offset
        } else {
            summer = standard + 3600
        }
        for part in rest.split(separator: UInt8(ascii: ",")) {
            guard let change = Self.change(part) else { return nil }
            changes.append(change)
        }
        guard changes.count == 2 else { return nil }
    }

    /// Changes from 1970 on, ascending, offsets in microseconds.
    func transitions(through lastYear: Int) -> [(second: Int64, offset: Int64)] {
        guard let summer else { return [] }
        var all: [(second: Int64, offset: Int64)] = []
        for year in 1970...lastYear {
            all.append((changes[0].second(year: year) - standard, summer * Microseconds.second))
            all.append((changes[1].second(year: year) - summer, standard * Microseconds.second))
        }
        return all.sorted { $0.second < $1.second }
    }

    private static func skipName(_ rest: inout ArraySlice<UInt8>) -> Bool {
        if rest.first == UInt8(ascii: "<") {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
            rest = rest[(end + 1)...]
            return true
        }
        let name = rest.prefix { ($0 | 32) >= UInt8(ascii: "a") && ($0 | 32) <= UInt8(ascii: "z") }
        rest = rest.dropFirst(name.count)
        return name.count >= 3
    }

    private static func digits(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        let found = rest.prefix { $0 >= 48 && $0 <= 57 }
        rest = rest.dropFirst(found.count)
        return Int64(String(decoding: found, as: UTF8.self))
    }

    /// `[+-]h[:m[:s]]` in seconds.
    private static func clock(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        var sign: Int64 = 1
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") {
            sign = rest.removeFirst() == UInt8(ascii: "-") ? -1 : 1
        }
        guard var total = digits(&rest).map({ $0 * 3600 }) else { return nil }
        for unit in [Int64(60), 1] where rest.first == UInt8(ascii: ":") {
            rest.removeFirst()
            guard let part = digits(&rest) else { return nil }
            total += part * unit
        }
        return sign * total
    }

    private static func change(_ part: ArraySlice<UInt8>) -> Change? {
        var rest = part
        var change = Change()
        switch rest.first {
        case UInt8(ascii: "M"):
            rest.removeFirst()
            var numbers: [Int] = []
            for _ in 0..<3 {
                guard let number = digits(&rest) else { return nil }
                numbers.append(Int(number))
                if rest.first == UInt8(ascii: ".") { rest.removeFirst() }
            }
            guard (1...12).contains(numbers[0]), (1...5).contains(numbers[1]), (0...6).contains(numbers[2])
            else { return nil }
            (change.month, change.week, change.weekday) = (numbers[0], numbers[1], numbers[2])
        case UInt8(ascii: "J"):
            rest.removeFirst()
            guard let day = digits(&rest), (1...365).contains(day) else { return nil }
            change.dayOfYear = Int(day) - 1
            change.skipsLeapDay = true
        default:
            guard let day = digits(&rest), (0...365).contains(day) else { return nil }
            change.dayOfYear = Int(day)
        }
        if rest.first == UInt8(ascii: "/") {
            rest.removeFirst()
            guard let seconds = clock(&rest) else { return nil }
            change.seconds = seconds
        }
        return rest.isEmpty ? change : nil
    }
}
