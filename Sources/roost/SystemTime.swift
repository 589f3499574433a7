import Core
import Glibc

/// The system's clocks; the one place that asks them.
struct SystemTime: TimeSource {
    func wall() -> EventTime { EventTime(microseconds: Self.read(CLOCK_REALTIME)) }
    func monotonic() -> Int64 { Self.read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Fails only for a clock that does not exist.
        precondition(clock_gettime(clock, &time) == 0)
        return Int64(time.tv_sec) * Microseconds.second + Int64(time.tv_nsec) / 1000
    }
}
