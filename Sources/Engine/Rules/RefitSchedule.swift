package import Core

/// Instants at which models are refitted.
package struct RefitSchedule: Sendable, Equatable {
    /// Distance between them, microseconds, more than 0.
    package var every: Int64
    /// Offset from midnight.
    package var at: Int64

    package init(every: Int64, at: Int64) {
        precondition(every > 0)
        self.every = every
        self.at = at
    }

    /// First instant strictly after a time.
    package func next(after time: EventTime, in zone: Zone) -> EventTime {
        // Days are the calendar's, so that a daily refit has its hour again the day after the clocks change.
        if every % Microseconds.day == 0 {
            let step = Int32(every / Microseconds.day)
            var day = zone.day(of: time)
            day -= Int32(Int64(day).flooredDivision(by: Int64(step)).remainder)
            while true {
                let instant = zone.instant(wallMicroseconds: Int64(day) * Microseconds.day + at)
                if instant > time { return instant }
                day += step
            }
        }
        // Others are so far apart, whatever the clocks do.
        let origin = zone.start(of: 0) + at
        let passed = (time.microseconds - origin.microseconds).flooredDivision(by: every).quotient
        return origin + (passed + 1) * every
    }
}
