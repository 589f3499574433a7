import Core

/// What a partition has spent of its share of the budget for all users together.
///
/// Partitions share nothing, so each has an even part of the whole, and what does not divide goes round from
/// day to day: together they never pass it, and fall short of it where users are few or uneven.
struct SpentBudget {
    private var day: Int32 = .min
    private var dayCount: Int64 = 0
    private var hour: Int64 = .min
    private var hourCount: Int64 = 0
    /// The breaker has opened on this day.
    private var openDay: Int32 = .min

    init() {}

    /// A partition's part of a whole, on a day or in an hour.
    static func share(_ whole: Int, partition: Int, turn: Int64) -> Int64 {
        let count = Int64(Partitioning.count)
        let (part, rest) = Int64(whole).quotientAndRemainder(dividingBy: count)
        let place = (Int64(partition) + turn).flooredDivision(by: count).remainder
        return part + (place < rest ? 1 : 0)
    }

    /// Takes one out of the budget.
    ///
    /// - Returns: why it cannot be had; nil where it could.
    mutating func take(
        _ settings: ArbitrationSettings, partition: Int, day today: Int32, at instant: Int64
    ) -> DecisionReason? {
        let thisHour = instant.flooredDivision(by: Microseconds.hour).quotient
        if today > day { (day, dayCount) = (today, 0) }
        if thisHour > hour { (hour, hourCount) = (thisHour, 0) }
        if openDay >= today { return .breaker }
        if let budget = settings.budget,
            dayCount >= Self.share(budget, partition: partition, turn: Int64(day))
        {
            return .budget
        }
        if let breaker = settings.breaker,
            hourCount >= Self.share(breaker, partition: partition, turn: hour)
        {
            openDay = today
            return .breaker
        }
        dayCount += 1
        hourCount += 1
        return nil
    }

    func write(to out: inout ByteWriter) {
        out.put(day)
        out.put(dayCount)
        out.put(hour)
        out.put(hourCount)
        out.put(openDay)
    }

    init(from input: inout ByteReader) throws(StateError) {
        day = try input.get()
        dayCount = try input.get()
        hour = try input.get()
        hourCount = try input.get()
        openDay = try input.get()
    }
}
