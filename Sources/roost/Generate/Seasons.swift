import Core
import Glibc

/// When people shop: by day of the year and week, and by hour. Drawn with weights, without a table per
/// user.
struct Seasons {
    /// First instant of the log, microseconds since the epoch, and its length in days.
    let start: Int64
    let days: Int
    /// Share of the busiest day.
    private let dayWeights: [Double]
    /// Hours of the day in UTC, each as often as its weight.
    private let hours: [UInt8]

    var end: Int64 { start + Int64(days) * Microseconds.day }

    /// By hour in Seoul: little before dawn, a rise at noon, most in the late evening.
    private static let hourWeights = [
        46, 28, 17, 11, 9, 11, 20, 34, 48, 58, 66, 70, 74, 70, 66, 64, 63, 64, 66, 72, 82, 92, 90, 70,
    ]
    /// From Thursday, for 1970-01-01 was one.
    private static let weekdayWeights = [1.0, 0.97, 0.93, 1.02, 1.05, 1.03, 1.0]

    init(start: Int64, days: Int) {
        self.start = start
        self.days = days
        let first = Int32(start.flooredDivision(by: Microseconds.day).quotient)
        let raw = (0..<days).map { Self.weight(of: first + Int32($0)) }
        let most = raw.max() ?? 1
        dayWeights = raw.map { $0 / most }
        hours = (0..<24).flatMap { utc in
            [UInt8](repeating: UInt8(utc), count: Self.hourWeights[(utc + 9) % 24])
        }
    }

    private static func weight(of day: Int32) -> Double {
        let date = CalendarDate(dayNumber: day)
        let weekday = weekdayWeights[Int(((day % 7) + 7) % 7)]
        let inYear = Double(day - CalendarDate(year: date.year, month: 1, day: 1).dayNumber)
        var season = 1 + 0.12 * sin((inYear - 200) / 365 * 2 * .pi)
        switch (date.month, date.day) {
        case (11, 1...12), (11, 22...30): season *= 1.3
        case (9, 14...18), (2, 8...12), (1, 1): season *= 0.7
        case (12, 10...22): season *= 1.12
        default: break
        }
        return weekday * season
    }

    /// A day of the stretch, busy ones more often.
    func day(from first: Int, length: Int, _ randomness: inout Randomness) -> Int {
        if length <= 1 { return first }
        while true {
            let day = first + randomness.below(length)
            if randomness.uniform() < dayWeights[day] { return day }
        }
    }

    /// An instant of a day, microseconds after the log's start.
    func instant(on day: Int, _ randomness: inout Randomness) -> Int64 {
        let hour = Int64(hours[randomness.below(hours.count)])
        return (Int64(day) * 24 + hour) * Microseconds.hour
            + Int64(randomness.uniform() * Double(Microseconds.hour))
    }
}
