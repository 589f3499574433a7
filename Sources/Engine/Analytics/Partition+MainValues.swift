import Core

/// A user's main value of each dimension that the record keeps.
struct MainValues: BitwiseCopyable {
    private var values = InlineArray<8, UInt32>(repeating: MainValues.none)
    private var counts = InlineArray<8, UInt32>(repeating: 0)

    /// No value was seen.
    static let none = UInt32.max

    /// The partition's number of the value; nil where none was seen.
    @inline(__always)
    subscript(dimension: Int) -> UInt32? {
        values[dimension] == Self.none ? nil : values[dimension]
    }

    subscript(dimension: Dimension) -> UInt32? { self[dimension.rawValue] }

    /// Says what a dimension's main value was before.
    @inline(__always)
    mutating func put(back value: UInt32?, in dimension: Int) { values[dimension] = value ?? Self.none }

    /// Takes the next value, in the order in which they were seen first.
    @inline(__always)
    mutating func take(_ dimension: Int, _ value: UInt32, count: UInt32) {
        if count > counts[dimension] {
            values[dimension] = value
            counts[dimension] = count
        }
    }

    /// Calls with each dimension of which a value is known.
    @inline(__always)
    func forEach(_ body: (Int, UInt32) -> Void) {
        for dimension in 0..<ValueRows.dimensions where values[dimension] != Self.none {
            body(dimension, values[dimension])
        }
    }
}

/// What the main values were of those dimensions in which an event has made another one the main value.
struct MovedMains: BitwiseCopyable {
    private var moved: UInt8 = 0
    private var values = InlineArray<8, UInt32>(repeating: MainValues.none)

    var isEmpty: Bool { moved == 0 }

    /// - Parameter value: the main value before; nil: there was none.
    @inline(__always)
    mutating func note(_ dimension: Int, was value: UInt32?) {
        moved |= 1 << UInt8(dimension)
        values[dimension] = value ?? MainValues.none
    }

    /// The main values before, from those after.
    func before(_ mains: MainValues) -> MainValues {
        var before = mains
        for dimension in 0..<ValueRows.dimensions where moved & 1 << UInt8(dimension) != 0 {
            before.put(
                back: values[dimension] == MainValues.none ? nil : values[dimension], in: dimension)
        }
        return before
    }
}

extension Partition {
    /// The most frequent value of each dimension, ties to the one seen first by event time; of gender, age band and
    /// region the latest.
    @inline(__always)
    func mains(_ user: UnsafeMutablePointer<UserRecord>) -> MainValues {
        var mains = MainValues()
        let count = Int(user.pointee.dimensionCount)
        if count == 0 { return mains }
        let entries = pool.tail(user).dimensions
        for index in 0..<count {
            let times = entries[index].count
            if times == DimensionEntry.countMax { return fullMains(entries, count) }
            mains.take(entries[index].dimension, entries[index].value, count: times)
        }
        return mains
    }

    /// The same where a count is full and goes on in a further entry.
    @inline(never)
    private func fullMains(_ entries: UnsafeMutablePointer<DimensionEntry>, _ count: Int) -> MainValues {
        withUnsafeTemporaryAllocation(of: (key: UInt32, place: Int, times: UInt32).self, capacity: count) {
            distinct in
            var found = 0
            for index in 0..<count {
                let key = entries[index].key
                var place = 0
                while place < found, distinct[place].key != key { place += 1 }
                if place == found {
                    distinct.initializeElement(at: found, to: (key, index, 0))
                    found += 1
                }
                distinct[place].times += entries[index].count
            }
            // In the order in which they were seen first.
            var mains = MainValues()
            for value in distinct[..<found] {
                let entry = entries[value.place]
                mains.take(entry.dimension, entry.value, count: value.times)
            }
            return mains
        }
    }

    /// The main value of one dimension, whose counts may be full; nil where none was seen.
    func main(_ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int) -> UInt32? {
        let count = Int(user.pointee.dimensionCount)
        if count == 0 { return nil }
        let entries = pool.tail(user).dimensions
        return withUnsafeTemporaryAllocation(of: (key: UInt32, times: UInt32).self, capacity: count) {
            distinct in
            var found = 0
            for index in 0..<count where entries[index].dimension == dimension {
                let key = entries[index].key
                var place = 0
                while place < found, distinct[place].key != key { place += 1 }
                if place == found {
                    distinct.initializeElement(at: found, to: (key, 0))
                    found += 1
                }
                distinct[place].times += entries[index].count
            }
            var main: (key: UInt32, times: UInt32)?
            for value in distinct[..<found] where value.times > main?.times ?? 0 { main = value }
            return main.map { $0.key & (DimensionEntry.valueLimit - 1) }
        }
    }

    /// What the user adds to the totals of a value.
    func member(_ slot: Int) -> MemberTotals {
        let user = users[slot]
        var member = MemberTotals()
        member.users = 1
        if user.pointee.account == 0 { return member }
        member.converted = user.pointee.has(UserRecord.converted) ? 1 : 0
        if let account = account(slot) {
            member.purchases = Int64(account.pointee.purchaseCount)
            member.revenue = Int128(account.pointee.revenue)
        }
        return member
    }

    /// An event has given the user other main values: the users of each follow.
    @inline(never)
    func mainsMoved(_ slot: Int, _ moved: MovedMains, at time: Int64) {
        let user = users[slot]
        let new = mains(user)
        let old = moved.before(new)
        var member = member(slot)
        for dimension in 0..<ValueRows.dimensions where old[dimension] != new[dimension] {
            if let value = old[dimension] { analytics.values.add(dimension, value, member, sign: -1) }
            guard let value = new[dimension] else { continue }
            analytics.values.add(dimension, value, member, sign: 1)
            if let before = old[dimension] { moveJourney(user, dimension, from: before, to: value, at: time) }
        }
        member.occurrences = Int64(user.pointee.shortCount)
        analytics.mediaByDevice.move(member, from: old, to: new)
        analytics.ageByGender.move(member, from: old, to: new)
    }
}

extension PairRows {
    /// A user whose main values may have become others.
    mutating func move(_ member: MemberTotals, from old: MainValues, to new: MainValues) {
        if old[first] == new[first], old[second] == new[second] { return }
        add(old, member, sign: -1)
        add(new, member, sign: 1)
    }

    mutating func add(_ mains: MainValues, _ member: MemberTotals, sign: Int64) {
        add(mains[first], mains[second], member, sign: sign)
    }
}
