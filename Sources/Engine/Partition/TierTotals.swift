/// What the members of each tier and of each grade add up to in a partition.
struct TierTotals: Equatable {
    /// By number; those without one, number 0, are not counted.
    private(set) var tierUsers = [Int64](repeating: 0, count: 6)
    private(set) var gradeUsers = [Int64](repeating: 0, count: 5)
    /// Revenue of all time, millionths: exact, however much it is.
    private(set) var tierRevenue = [Int128](repeating: 0, count: 6)
    private(set) var gradeRevenue = [Int128](repeating: 0, count: 5)

    init() {}

    mutating func add(_ account: AccountRecord) { change(account, by: 1) }

    mutating func remove(_ account: AccountRecord) { change(account, by: -1) }

    private mutating func change(_ account: AccountRecord, by sign: Int64) {
        let revenue = Int128(account.revenue) * Int128(sign)
        if account.tier != 0 {
            tierUsers[Int(account.tier)] += sign
            tierRevenue[Int(account.tier)] += revenue
        }
        if account.grade != 0 {
            gradeUsers[Int(account.grade)] += sign
            gradeRevenue[Int(account.grade)] += revenue
        }
    }

    /// A member's revenue has grown.
    mutating func earned(_ account: AccountRecord, from before: Int64) {
        let grown = Int128(account.revenue) - Int128(before)
        if account.tier != 0 { tierRevenue[Int(account.tier)] += grown }
        if account.grade != 0 { gradeRevenue[Int(account.grade)] += grown }
    }

    func write(to out: inout ByteWriter) {
        for users in tierUsers + gradeUsers { out.put(users) }
        for revenue in tierRevenue + gradeRevenue {
            out.put(UInt64(truncatingIfNeeded: revenue))
            out.put(Int64(truncatingIfNeeded: revenue >> 64))
        }
    }

    init(from input: inout ByteReader) throws(StateError) {
        for index in tierUsers.indices { tierUsers[index] = try input.get() }
        for index in gradeUsers.indices { gradeUsers[index] = try input.get() }
        func sum() throws(StateError) -> Int128 {
            let low: UInt64 = try input.get()
            let high: Int64 = try input.get()
            return Int128(high) << 64 | Int128(low)
        }
        for index in tierRevenue.indices { tierRevenue[index] = try sum() }
        for index in gradeRevenue.indices { gradeRevenue[index] = try sum() }
    }
}

/// Members of one tier or grade in one shard.
package struct TierMembers: Sendable, Equatable {
    package var users: Int64 = 0
    /// Millionths.
    package var revenue: Int128 = 0

    package init() {}
}
