import Core

extension Partition {
    /// The most frequent value of a dimension, ties to the one seen first by event time; of gender, age band and region
    /// the latest. Nil where none was seen.
    @inline(__always)
    func mainValue(_ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int) -> UInt32? {
        standing(user, dimension, of: DimensionEntry.valueLimit).main
    }

    /// The main value of a dimension, and how far another value is behind it in count.
    @inline(__always)
    func standing(
        _ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int, of value: UInt32
    ) -> (main: UInt32?, lead: UInt32) {
        let count = Int(user.pointee.dimensionCount)
        if count == 0 { return (nil, 0) }
        let entries = pool.tail(user).dimensions
        var (main, most, own): (UInt32?, UInt32, UInt32) = (nil, 0, 0)
        // Entries stand in the order in which their values were seen first.
        for index in 0..<count where entries[index].dimension == dimension {
            let (seen, times) = (entries[index].value, entries[index].count)
            if times == DimensionEntry.countMax { return fullStanding(entries, count, dimension, value) }
            if times > most { (main, most) = (seen, times) }
            if seen == value { own = times }
        }
        return (main, most - own)
    }

    /// The same where a count is full and goes on in a further entry.
    @inline(never)
    private func fullStanding(
        _ entries: UnsafeMutablePointer<DimensionEntry>, _ count: Int, _ dimension: Int, _ value: UInt32
    ) -> (main: UInt32?, lead: UInt32) {
        var (main, most, own): (UInt32?, UInt32, UInt32) = (nil, 0, 0)
        for index in 0..<count where entries[index].dimension == dimension {
            let key = entries[index].key
            var first = 0
            while entries[first].key != key { first += 1 }
            if first < index { continue }
            var times: UInt32 = 0
            for other in index..<count where entries[other].key == key { times += entries[other].count }
            if times > most { (main, most) = (entries[index].value, times) }
            if entries[index].value == value { own = times }
        }
        return (main, most - own)
    }

    /// Calls with each dimension of which a value is known, and the user's main value.
    func forEachMain(_ user: UnsafeMutablePointer<UserRecord>, _ body: (Int, UInt32) -> Void) {
        guard user.pointee.dimensionCount > 0 else { return }
        for dimension in 0..<ValueRows.dimensions {
            if let value = mainValue(user, dimension) { body(dimension, value) }
        }
    }

    /// What the user adds to the totals of a value.
    func member(_ slot: Int) -> MemberTotals {
        let user = users[slot]
        var member = MemberTotals()
        member.users = 1
        member.converted = user.pointee.has(UserRecord.converted) ? 1 : 0
        if let account = account(slot) {
            member.purchases = Int64(account.pointee.purchaseCount)
            member.revenue = Int128(account.pointee.revenue)
        }
        return member
    }

    // MARK: Moves between values

    /// The user's main value has become another.
    @inline(never)
    func mainMoved(_ slot: Int, _ dimension: Int, from old: UInt32?, to new: UInt32, at time: Int64) {
        let user = users[slot]
        let member = member(slot)
        if let old { analytics.values.add(dimension, old, member, sign: -1) }
        analytics.values.add(dimension, new, member, sign: 1)
        if let old { moveJourney(user, dimension, from: old, to: new, at: time) }
        var visitor = member
        visitor.occurrences = Int64(user.pointee.shortCount)
        move(&analytics.mediaByDevice, user, dimension, old, new, visitor)
        move(&analytics.ageByGender, user, dimension, old, new, visitor)
    }

    private func move(
        _ pairs: inout PairRows, _ user: UnsafeMutablePointer<UserRecord>, _ dimension: Int,
        _ old: UInt32?, _ new: UInt32, _ member: MemberTotals
    ) {
        if dimension == pairs.first {
            let other = mainValue(user, pairs.second)
            pairs.add(old, other, member, sign: -1)
            pairs.add(new, other, member, sign: 1)
        } else if dimension == pairs.second {
            let other = mainValue(user, pairs.first)
            pairs.add(other, old, member, sign: -1)
            pairs.add(other, new, member, sign: 1)
        }
    }
}
