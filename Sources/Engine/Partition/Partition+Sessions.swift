import Core

/// Sessions of one kind of one user, as the merging rules see them.
private enum SessionKind {
    case short
    case long
}

extension Partition {
    /// Sessions, first and last event, and the day's counts.
    @inline(__always)
    func countEvent(_ user: UnsafeMutablePointer<UserRecord>, _ slot: Int, _ time: Int64, isNew: Bool) {
        let alone = time < now - terms.keep
        if isNew {
            countDay(user, time, events: 1, sessions: 1)
            if alone { user.pointee.flags |= UserRecord.lastAlone }
            return
        }
        let last = user.pointee.lastSeen
        if time >= last, !alone {
            if user.pointee.has(UserRecord.lastAlone) { return beginAfterAlone(user, time) }
            let gap = time - last
            if gap <= terms.shortGap {
                user.pointee.shortTotal += gap
                countDay(user, time, events: 1, sessions: 0)
            } else {
                keepShort(user)
                user.pointee.shortStart = time
                user.pointee.shortCount += 1
                countDay(user, time, events: 1, sessions: 1)
            }
            if gap <= terms.longGap {
                user.pointee.longTotal += gap
            } else {
                keepLong(user)
                user.pointee.longStart = time
                user.pointee.longCount += 1
            }
            user.pointee.lastSeen = time
            return
        }
        countDay(user, time, events: 1, sessions: 0)
        if alone { addAlone(user, time) } else { joinEarlier(user, time) }
    }

    /// An event older than `sessions.keep`: a session of its own.
    private func addAlone(_ user: UnsafeMutablePointer<UserRecord>, _ time: Int64) {
        user.pointee.shortCount += 1
        user.pointee.longCount += 1
        countDay(user, time, events: 0, sessions: 1)
        if time >= user.pointee.lastSeen {
            if !user.pointee.has(UserRecord.lastAlone) {
                keepShort(user)
                keepLong(user)
            }
            user.pointee.flags |= UserRecord.lastAlone
            user.pointee.shortStart = time
            user.pointee.longStart = time
            user.pointee.lastSeen = time
        }
        lowerFirstSeen(user, time)
    }

    /// The user's latest event is a session of its own: the next one begins another, or goes on with the one
    /// before.
    private func beginAfterAlone(_ user: UnsafeMutablePointer<UserRecord>, _ time: Int64) {
        user.pointee.flags &= ~UserRecord.lastAlone
        user.pointee.lastSeen = time
        countDay(user, time, events: 1, sessions: 0)
        for kind in [SessionKind.short, .long] {
            let last = kept(user, kind)
            let gap = kind == .short ? terms.shortGap : terms.longGap
            if last > 0, time - sessions(user, kind)[last - 1].end <= gap {
                let session = sessions(user, kind)[last - 1]
                add(user, kind, total: time - session.end, count: 0)
                remove(user, kind, last - 1)
                setStart(user, kind, last - 1, session.start)
            } else {
                add(user, kind, total: 0, count: 1)
                if kind == .short { countDay(user, time, events: 0, sessions: 1) }
                setStart(user, kind, last, time)
            }
        }
    }

    private func lowerFirstSeen(_ user: UnsafeMutablePointer<UserRecord>, _ time: Int64) {
        guard time < user.pointee.firstSeen else { return }
        shiftDimensionTimes(user, by: user.pointee.firstSeen - time)
        user.pointee.firstSeen = time
    }

    private func joinEarlier(_ user: UnsafeMutablePointer<UserRecord>, _ time: Int64) {
        if time < user.pointee.shortStart { join(user, time, .short) }
        if time < user.pointee.longStart { join(user, time, .long) }
        lowerFirstSeen(user, time)
    }

    /// The latest session is over; it is kept while late events may still join it.
    private func keepShort(_ user: UnsafeMutablePointer<UserRecord>) {
        let bound = now - terms.keep - terms.shortGap
        pruneKept(user, .short, before: bound)
        guard user.pointee.lastSeen >= bound else { return }
        if user.pointee.shortKept >= 1000 { remove(user, .short, 0) }
        insert(
            user, .short, Int(user.pointee.shortKept),
            KeptSession(start: user.pointee.shortStart, end: user.pointee.lastSeen))
    }

    private func keepLong(_ user: UnsafeMutablePointer<UserRecord>) {
        let bound = now - terms.keep - terms.longGap
        pruneKept(user, .long, before: bound)
        guard user.pointee.lastSeen >= bound else { return }
        if user.pointee.longKept >= 1000 { remove(user, .long, 0) }
        insert(
            user, .long, Int(user.pointee.longKept),
            KeptSession(start: user.pointee.longStart, end: user.pointee.lastSeen))
    }

    /// An event before the latest session, no older than `sessions.keep`: joins its neighbours where
    /// the gap allows, which may make two sessions one.
    private func join(_ user: UnsafeMutablePointer<UserRecord>, _ time: Int64, _ kind: SessionKind) {
        let gap = kind == .short ? terms.shortGap : terms.longGap
        let total = kept(user, kind)
        // The kept sessions are ascending; `next` is the first that starts after the event.
        var next = total
        if total > 0 {
            let sessions = self.sessions(user, kind)
            while next > 0, sessions[next - 1].start > time { next -= 1 }
            if next > 0, sessions[next - 1].end >= time { return }
        }
        let nextStart: Int64
        if next < total {
            nextStart = sessions(user, kind)[next].start
        } else {
            nextStart = kind == .short ? user.pointee.shortStart : user.pointee.longStart
        }
        let joinsNext = nextStart - time <= gap
        let joinsPrevious = next > 0 && time - sessions(user, kind)[next - 1].end <= gap
        switch (joinsPrevious, joinsNext) {
        case (true, true):
            let previous = sessions(user, kind)[next - 1]
            add(user, kind, total: nextStart - previous.end, count: -1)
            if kind == .short { countDay(user, nextStart, events: 0, sessions: -1) }
            setStart(user, kind, next, previous.start)
            remove(user, kind, next - 1)
        case (true, false):
            let previous = sessions(user, kind) + (next - 1)
            add(user, kind, total: time - previous.pointee.end, count: 0)
            previous.pointee.end = time
        case (false, true):
            add(user, kind, total: nextStart - time, count: 0)
            if kind == .short {
                countDay(user, nextStart, events: 0, sessions: -1)
                countDay(user, time, events: 0, sessions: 1)
            }
            setStart(user, kind, next, time)
        case (false, false):
            add(user, kind, total: 0, count: 1)
            if kind == .short { countDay(user, time, events: 0, sessions: 1) }
            if total < 1000 { insert(user, kind, next, KeptSession(start: time, end: time)) }
        }
    }

    private func setStart(
        _ user: UnsafeMutablePointer<UserRecord>, _ kind: SessionKind, _ index: Int, _ start: Int64
    ) {
        if index < kept(user, kind) {
            sessions(user, kind)[index].start = start
        } else if kind == .short {
            user.pointee.shortStart = start
        } else {
            user.pointee.longStart = start
        }
    }

    private func add(
        _ user: UnsafeMutablePointer<UserRecord>, _ kind: SessionKind, total: Int64, count: Int
    ) {
        if kind == .short {
            user.pointee.shortTotal += total
            user.pointee.shortCount = UInt32(Int(user.pointee.shortCount) + count)
        } else {
            user.pointee.longTotal += total
            user.pointee.longCount = UInt32(Int(user.pointee.longCount) + count)
        }
    }

    private func kept(_ user: UnsafeMutablePointer<UserRecord>, _ kind: SessionKind) -> Int {
        Int(kind == .short ? user.pointee.shortKept : user.pointee.longKept)
    }

    private func sessions(
        _ user: UnsafeMutablePointer<UserRecord>, _ kind: SessionKind
    ) -> UnsafeMutablePointer<KeptSession> {
        kind == .short ? pool.tail(user).short : pool.tail(user).long
    }

    private func offset(_ user: UnsafeMutablePointer<UserRecord>, _ kind: SessionKind, _ index: Int) -> Int {
        (kind == .short ? Tail.shortOffset(user) : Tail.longOffset(user)) + index * Tail.sessionSize
    }

    private func insert(
        _ user: UnsafeMutablePointer<UserRecord>, _ kind: SessionKind, _ index: Int, _ session: KeptSession
    ) {
        let gap = pool.openGap(user, at: offset(user, kind, index), size: Tail.sessionSize)
        gap.storeBytes(of: session, as: KeptSession.self)
        if kind == .short { user.pointee.shortKept += 1 } else { user.pointee.longKept += 1 }
    }

    private func remove(_ user: UnsafeMutablePointer<UserRecord>, _ kind: SessionKind, _ index: Int) {
        pool.closeGap(user, at: offset(user, kind, index), size: Tail.sessionSize)
        if kind == .short { user.pointee.shortKept -= 1 } else { user.pointee.longKept -= 1 }
    }

    /// Someone has gone quiet: what of them no event can need any more is dropped, and the room given back.
    func compact(_ user: UnsafeMutablePointer<UserRecord>) {
        pruneKept(user, .short, before: now - terms.keep - terms.shortGap)
        pruneKept(user, .long, before: now - terms.keep - terms.longGap)
        pruneDays(user)
        pool.fit(user)
    }

    private func pruneKept(_ user: UnsafeMutablePointer<UserRecord>, _ kind: SessionKind, before bound: Int64)
    {
        while kept(user, kind) > 0, sessions(user, kind)[0].end < bound { remove(user, kind, 0) }
    }

    /// Changes the counts of the day of an instant, where it is among the last 90; by one at most.
    @inline(__always)
    func countDay(_ user: UnsafeMutablePointer<UserRecord>, _ time: Int64, events: Int, sessions: Int) {
        let day = day(of: time)
        if sessions != 0 { noteSessions(user, day, sessions) }
        if day <= today - 90 { return }
        let day16 = UInt16(truncatingIfNeeded: day)
        let count = Int(user.pointee.dayCount)
        if count > 0 {
            let days = pool.tail(user).days
            var index = count - 1
            while index >= 0 {
                if days[index].day16 == day16, !days[index].isCarried {
                    return change(
                        user, index, Int(days[index].events) + events, Int(days[index].sessions) + sessions)
                }
                index -= 1
            }
        }
        if events < 0 || sessions < 0 { return }
        addDay(user, DayBucket(day16: day16, events: UInt32(events), sessions: UInt32(sessions)))
    }

    /// Whether a day of the last 90, strictly between two, has an event.
    func wasActive(_ user: UnsafeMutablePointer<UserRecord>, after first: Int32, before last: Int32) -> Bool {
        guard user.pointee.dayCount > 0 else { return false }
        let today16 = UInt16(truncatingIfNeeded: today)
        let days = pool.tail(user).days
        return (0..<Int(user.pointee.dayCount)).contains { index in
            let day = today - Int32(Int16(bitPattern: today16 &- days[index].day16))
            return day > first && day < last && days[index].events > 0
        }
    }

    private func addDay(_ user: UnsafeMutablePointer<UserRecord>, _ bucket: DayBucket) {
        // Those that no window holds any more make room where there is none. Of the last 90 days there are
        // no more than three each.
        if pool.isFull(user, for: Tail.daySize) || user.pointee.dayCount >= 1000 { pruneDays(user) }
        let gap = pool.openGap(user, at: Tail.dimensionOffset(user), size: Tail.daySize)
        gap.storeBytes(of: bucket, as: DayBucket.self)
        user.pointee.dayCount += 1
    }

    @inline(__always)
    private func change(
        _ user: UnsafeMutablePointer<UserRecord>, _ index: Int, _ events: Int, _ sessions: Int
    ) {
        let days = pool.tail(user).days
        if events <= Int(DayBucket.eventsMax), sessions >= 0, sessions <= Int(DayBucket.sessionsMax) {
            days[index] = DayBucket(
                day16: days[index].day16, events: UInt32(events), sessions: UInt32(sessions))
            return
        }
        carry(user, days[index].day16, events, sessions)
    }

    /// Moves what a day's first entry cannot hold into the others, or takes sessions back from there.
    @inline(never)
    private func carry(
        _ user: UnsafeMutablePointer<UserRecord>, _ day16: UInt16, _ events: Int, _ sessions: Int
    ) {
        var events = events
        var sessions = sessions
        if events > Int(DayBucket.eventsMax) {
            events -= Int(DayBucket.eventsMax) + 1
            carry(user, day16, .moreEvents, by: 1)
        }
        if sessions > Int(DayBucket.sessionsMax) {
            sessions -= Int(DayBucket.sessionsMax) + 1
            carry(user, day16, .moreSessions, by: 1)
        } else if sessions < 0 {
            sessions = carry(user, day16, .moreSessions, by: -1) ? Int(DayBucket.sessionsMax) : 0
        }
        let days = pool.tail(user).days
        for index in 0..<Int(user.pointee.dayCount)
        where days[index].day16 == day16 && !days[index].isCarried {
            days[index] = DayBucket(day16: day16, events: UInt32(events), sessions: UInt32(sessions))
        }
    }

    @discardableResult
    private func carry(
        _ user: UnsafeMutablePointer<UserRecord>, _ day16: UInt16, _ kind: DayBucket.Kind, by step: Int
    ) -> Bool {
        let days = pool.tail(user).days
        for index in 0..<Int(user.pointee.dayCount)
        where days[index].day16 == day16 && days[index].isCarried(kind) {
            let units = Int(days[index].units) + step
            guard units >= 0, units <= Int(DayBucket.carryMax) else { continue }
            days[index] = DayBucket(day16: day16, carried: kind, UInt32(units))
            return true
        }
        if step < 0 { return false }
        addDay(user, DayBucket(day16: day16, carried: kind, 1))
        return true
    }

    private func pruneDays(_ user: UnsafeMutablePointer<UserRecord>) {
        guard user.pointee.dayCount > 0 else { return }
        // By what is decided, not by now: a capture behind now looks at the 90 days before its own.
        let decided16 = UInt16(truncatingIfNeeded: day(of: min(decidedThrough, now)))
        var index = 0
        let days = pool.tail(user).days
        while index < Int(user.pointee.dayCount) {
            let age = Int16(bitPattern: decided16 &- days[index].day16)
            if age > 90 {
                pool.closeGap(user, at: Tail.dayOffset(user) + index * Tail.daySize, size: Tail.daySize)
                user.pointee.dayCount -= 1
            } else {
                index += 1
            }
        }
    }
}
