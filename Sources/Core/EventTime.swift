/// An instant of the event log: microseconds since 1970-01-01T00:00:00Z, negative before it.
///
/// The log's own resolution is kept to the microsecond; finer fractions are cut.
@frozen
package struct EventTime: Hashable, Comparable, Sendable {
    /// Microseconds since the epoch.
    package var microseconds: Int64

    @inlinable
    package init(microseconds: Int64) { self.microseconds = microseconds }

    @inlinable
    package static func < (a: EventTime, b: EventTime) -> Bool { a.microseconds < b.microseconds }

    @inlinable
    package static func + (a: EventTime, microseconds: Int64) -> EventTime {
        EventTime(microseconds: a.microseconds &+ microseconds)
    }

    @inlinable
    package static func - (a: EventTime, microseconds: Int64) -> EventTime {
        EventTime(microseconds: a.microseconds &- microseconds)
    }

    /// Before every event that can be accepted: the clock of a store that has seen nothing.
    @inlinable package static var distantPast: EventTime { EventTime(microseconds: Int64.min / 4) }
    @inlinable package static var distantFuture: EventTime { EventTime(microseconds: Int64.max / 4) }

    /// The earliest and latest instants a line may carry: years 0001 to 9999.
    @inlinable package static var earliestAccepted: EventTime {
        EventTime(microseconds: -62_135_596_800_000_000)
    }
    @inlinable package static var latestAccepted: EventTime {
        EventTime(microseconds: 253_402_300_799_999_999)
    }
}

/// Lengths of time, in the microseconds that `EventTime` counts.
package enum Microseconds {
    @inlinable package static var second: Int64 { 1_000_000 }
    @inlinable package static var minute: Int64 { 60 * second }
    @inlinable package static var hour: Int64 { 60 * minute }
    @inlinable package static var day: Int64 { 24 * hour }
}

/// A date of the proleptic Gregorian calendar.
package struct CalendarDate: Hashable, Sendable {
    package var year: Int
    package var month: Int
    package var day: Int

    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// - Parameter dayNumber: days since 1970-01-01.
    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    package init(dayNumber: Int32) {
        let z = Int(dayNumber) + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01; `days_from_civil` of the same source.
    package var dayNumber: Int32 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int32(era * 146_097 + dayOfEra - 719_468)
    }

    /// `YYYY-MM-DD`.
    package var text: String {
        var bytes: [UInt8] = []
        appendText(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    package func appendText(to out: inout [UInt8]) {
        appendDigits(year, width: 4, to: &out)
        out.append(UInt8(ascii: "-"))
        appendDigits(month, width: 2, to: &out)
        out.append(UInt8(ascii: "-"))
        appendDigits(day, width: 2, to: &out)
    }
}

private func appendDigits(_ value: Int, width: Int, to out: inout [UInt8]) {
    var divisor = 1
    for _ in 1..<width { divisor *= 10 }
    var rest = value
    while divisor > 0 {
        out.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: (rest / divisor) % 10))
        rest %= divisor
        divisor /= 10
    }
}

extension EventTime: CustomStringConvertible {
    /// RFC 3339 in UTC: `2024-12-09T00:00:00Z`, with a fraction only where there is one.
    package var description: String {
        var bytes: [UInt8] = []
        appendText(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    package func appendText(to out: inout [UInt8]) {
        let (day, rest) = microseconds.flooredDivision(by: Microseconds.day)
        CalendarDate(dayNumber: Int32(truncatingIfNeeded: day)).appendText(to: &out)
        out.append(UInt8(ascii: "T"))
        let seconds = Int(rest / Microseconds.second)
        appendDigits(seconds / 3600, width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        appendDigits(seconds / 60 % 60, width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        appendDigits(seconds % 60, width: 2, to: &out)
        var fraction = Int(rest % Microseconds.second)
        if fraction > 0 {
            var width = 6
            while fraction % 10 == 0 {
                fraction /= 10
                width -= 1
            }
            out.append(UInt8(ascii: "."))
            appendDigits(fraction, width: width, to: &out)
        }
        out.append(UInt8(ascii: "Z"))
    }
}

extension Int64 {
    /// Quotient rounded towards minus infinity, and the remainder in `0..<divisor`.
    @inlinable
    package func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        var (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        if remainder < 0 {
            quotient -= 1
            remainder += divisor
        }
        return (quotient, remainder)
    }
}
