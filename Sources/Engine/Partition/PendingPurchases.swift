/// A purchase that has arrived and is not decided: what is decided must not see its money.
struct PendingPurchase: HeapEntry {
    var time: Int64
    /// The upper bit tells whether it counts for the grade.
    private var packedArrival: UInt64
    /// Millionths.
    var value: Int64
    var slot: UInt32
    /// Block of its items in the partition's pool; 0: none.
    var items: UInt32

    private static let gradedBit: UInt64 = 1 << 63

    init(
        time: Int64, arrival: UInt64, value: Int64, slot: UInt32, items: UInt32 = 0, isGraded: Bool = false
    ) {
        self.time = time
        packedArrival = arrival | (isGraded ? Self.gradedBit : 0)
        self.value = value
        self.slot = slot
        self.items = items
    }

    @inline(__always)
    var arrival: UInt64 { packedArrival & ~Self.gradedBit }
    /// Whether it was counted for the grade.
    var isGraded: Bool { packedArrival & Self.gradedBit != 0 }

    @inline(__always)
    static func precedes(_ a: PendingPurchase, _ b: PendingPurchase) -> Bool {
        a.time != b.time ? a.time < b.time : a.arrival < b.arrival
    }
}

/// Count and money of a user's undecided purchases by day.
struct UndecidedDays {
    private var days: [Int32: (count: UInt32, revenue: Int64, graded: Int64)] = [:]

    static let none = UndecidedDays()
    var isEmpty: Bool { days.isEmpty }

    mutating func add(_ purchase: PendingPurchase, on day: Int32) {
        let known = days[day] ?? (0, 0, 0)
        days[day] = (
            known.count + 1, saturatingSum(known.revenue, purchase.value),
            purchase.isGraded ? saturatingSum(known.graded, purchase.value) : known.graded
        )
    }

    /// What of a day's spend under the grades' condition is decided.
    func decided(graded: Int64, on day: Int32) -> Int64 {
        saturatingDifference(graded, days[day]?.graded ?? 0)
    }

    /// What of a day is decided.
    func decided(_ day: PurchaseDay) -> PurchaseDay {
        guard let undecided = days[day.day] else { return day }
        return PurchaseDay(
            day: day.day, count: day.count - min(day.count, undecided.count),
            revenue: saturatingDifference(day.revenue, undecided.revenue))
    }
}

extension Partition {
    /// That of one user.
    func undecidedDays(_ slot: Int) -> UndecidedDays {
        var found = UndecidedDays.none
        for purchase in pendingPurchases.entries where Int(purchase.slot) == slot {
            found.add(purchase, on: day(of: purchase.time))
        }
        return found
    }

    /// That of all users who have any, for a sweep.
    func undecidedDays() -> [UInt32: UndecidedDays] {
        var found: [UInt32: UndecidedDays] = [:]
        for purchase in pendingPurchases.entries {
            found[purchase.slot, default: .none].add(purchase, on: day(of: purchase.time))
        }
        return found
    }
}
