/// A time zone as a table of offsets, so that no room behind `Settings` needs a calendar library.
///
/// Row `i` holds from `starts[i]` up to `starts[i + 1]`; the first row starts at `Int64.min`.
package struct Zone: Sendable, Equatable {
    /// IANA name, as configured.
    package let name: String
    /// First instant of each row, microseconds since the epoch, ascending.
    package let starts: [Int64]
    /// Offset from UTC in each row, microseconds, positive east of Greenwich.
    package let offsets: [Int64]

    package static let utc = Zone(name: "UTC", starts: [.min], offsets: [0])

    package init(name: String, starts: [Int64], offsets: [Int64]) {
        precondition(!starts.isEmpty && starts.count == offsets.count && starts[0] == .min)
        self.name = name
        self.starts = starts
        self.offsets = offsets
    }

    /// Offset in force at an instant, microseconds.
    @inlinable
    package func offset(at time: EventTime) -> Int64 {
        starts.count == 1 ? offsets[0] : offsets[row(of: time.microseconds)]
    }

    /// The row that holds an instant.
    @inlinable
    package func row(of instant: Int64) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= instant { low = middle } else { high = middle }
        }
        return low
    }

    /// The instants from `start` up to `end` around one in which the offset is the same.
    package func stretch(of instant: Int64) -> (start: Int64, end: Int64, offset: Int64) {
        let row = row(of: instant)
        return (starts[row], row + 1 < starts.count ? starts[row + 1] : .max, offsets[row])
    }

    /// The calendar day of an instant: days since 1970-01-01 on the zone's wall.
    @inlinable
    package func day(of time: EventTime) -> Int32 {
        Int32(
            truncatingIfNeeded: (time.microseconds &+ offset(at: time))
                .flooredDivision(by: Microseconds.day).quotient)
    }

    /// First instant of a calendar day. Where the wall skips midnight, the first instant after the gap;
    /// where it has two, the earlier.
    package func start(of day: Int32) -> EventTime {
        instant(wallMicroseconds: Int64(day) * Microseconds.day)
    }

    /// The instant at which the zone's wall shows a local time given as if it were UTC.
    /// In a gap the wall never shows it: the first instant after the gap. Shown twice: the earlier.
    package func instant(wallMicroseconds wall: Int64) -> EventTime {
        for row in starts.indices {
            let end = row + 1 < starts.count ? starts[row + 1] : Int64.max
            let candidate = wall &- offsets[row]
            if candidate < end {
                return EventTime(microseconds: max(candidate, starts[row]))
            }
        }
        return EventTime(microseconds: wall &- offsets[offsets.count - 1])
    }
}
