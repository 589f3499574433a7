import Core

/// Sessions of a user in all.
struct UserSessions: BitwiseCopyable {
    var shortCount: Int64
    /// Microseconds.
    var shortTotal: Int64
    var longCount: Int64
    var longTotal: Int64

    /// As they have arrived.
    init(_ record: UserRecord) {
        shortCount = Int64(record.shortCount)
        shortTotal = record.shortTotal
        longCount = Int64(record.longCount)
        longTotal = record.longTotal
    }
}

extension Partition {
    /// Those up to the last event decided upon: without what belongs to events that have arrived and are not.
    func decidedSessions(_ slot: Int) -> UserSessions {
        let user = users[slot]
        let record = user.pointee
        var sessions = UserSessions(record)
        let decided = record.lastDecided
        guard record.lastSeen > decided, decided != .min else { return sessions }
        func clip(_ start: Int64, _ end: Int64, _ count: inout Int64, _ total: inout Int64) {
            guard end > decided else { return }
            if start > decided {
                total -= end - start
                count -= 1
            } else {
                total -= end - decided
            }
        }
        clip(record.longStart, record.lastSeen, &sessions.longCount, &sessions.longTotal)
        clip(record.shortStart, record.lastSeen, &sessions.shortCount, &sessions.shortTotal)
        let tail = pool.tail(user)
        for index in 0..<Int(record.longKept) {
            clip(tail.long[index].start, tail.long[index].end, &sessions.longCount, &sessions.longTotal)
        }
        for index in 0..<Int(record.shortKept) {
            clip(tail.short[index].start, tail.short[index].end, &sessions.shortCount, &sessions.shortTotal)
        }
        return sessions
    }

    /// Start of the short session that holds an instant; the instant itself where none is known to.
    func shortSessionStart(_ slot: Int, at instant: Int64) -> Int64 {
        let user = users[slot]
        if user.pointee.shortStart <= instant { return user.pointee.shortStart }
        let kept = pool.tail(user).short
        for index in 0..<Int(user.pointee.shortKept)
        where kept[index].start <= instant && instant <= kept[index].end {
            return kept[index].start
        }
        return instant
    }
}
