import Core
import Glibc

/// One event to be written: 16 bytes, of which the first eight sort by time.
struct PlannedEvent: BitwiseCopyable, Comparable {
    /// Microseconds after the log's start, then name, device, medium and what the planning needs.
    var key: UInt64
    /// User, and below it the number of the purchase or 32 random bits.
    var payload: UInt64

    private static let timeShift: UInt64 = 11

    init(time: Int64, name: LogShape.Name, medium: UInt8, isDesktop: Bool, user: Int, detail: UInt32) {
        key = UInt64(time) << Self.timeShift | UInt64(name.rawValue) << 8 | UInt64(medium) << 3
        if isDesktop { key |= 4 }
        payload = UInt64(user) << 32 | UInt64(detail)
    }

    var time: Int64 { Int64(key >> Self.timeShift) }
    var name: Int { Int(key >> 8 & 7) }
    var user: Int { Int(payload >> 32) }
    var detail: UInt32 { UInt32(truncatingIfNeeded: payload) }
    var medium: UInt8 {
        get { UInt8(key >> 3 & 31) }
        set { key = key & ~(31 << 3) | UInt64(newValue) << 3 }
    }
    var isDesktop: Bool {
        get { key & 4 != 0 }
        set { key = newValue ? key | 4 : key & ~4 }
    }
    /// Came by another medium than the user's main one.
    var isAway: Bool {
        get { key & 2 != 0 }
        set { key = newValue ? key | 2 : key & ~2 }
    }
    /// First of a session.
    var opensSession: Bool {
        get { key & 1 != 0 }
        set { key = newValue ? key | 1 : key & ~1 }
    }

    static func < (a: PlannedEvent, b: PlannedEvent) -> Bool {
        a.key != b.key ? a.key < b.key : a.payload < b.payload
    }
}

/// Names left to give, drawn without replacement.
struct NameUrn {
    private static let names: [LogShape.Name] = [.sessionStart, .beginCheckout, .addToCart, .login]
    private var left: (Int, Int, Int, Int)

    init(sessions: Int, checkouts: Int, carts: Int, logins: Int) {
        left = (sessions, checkouts, carts, logins)
    }

    var total: Int { left.0 + left.1 + left.2 + left.3 }
    var isPossible: Bool { left.0 >= 0 && left.1 >= 0 && left.2 >= 0 && left.3 >= 0 }

    mutating func draw(_ randomness: inout Randomness) -> LogShape.Name {
        var ball = randomness.below(total)
        if ball < left.0 {
            left.0 -= 1
            return .sessionStart
        }
        ball -= left.0
        if ball < left.1 {
            left.1 -= 1
            return .beginCheckout
        }
        ball -= left.1
        if ball < left.2 {
            left.2 -= 1
            return .addToCart
        }
        left.3 -= 1
        return .login
    }

    /// Splits what is left after everything forced between buyers and the others: buyers do more per slot.
    ///
    /// - Returns: nil where the shape leaves too little for so many slots.
    static func split(plan: UserPlan) -> (buyers: NameUrn, others: NameUrn)? {
        let shape = plan.shape
        let slots = (buyers: plan.freeSlots.converted, others: plan.freeSlots.others)
        func buyersPart(_ count: Int, _ intensity: Double) -> Int {
            let weight = intensity * Double(slots.buyers)
            guard weight > 0 else { return 0 }
            return Int(Double(count) * weight / (weight + Double(slots.others)))
        }
        let checkouts = shape.count(.beginCheckout) - shape.count(.purchase) - shape.botCheckouts
        let carts = shape.count(.addToCart)
        let logins = shape.count(.login) - shape.botLogins
        let sessions = shape.count(.sessionStart) - plan.forcedSessions - shape.botSessions
        let mine = (buyersPart(checkouts, 1.6), buyersPart(carts, 2.5), buyersPart(logins, 2.5))
        let visits = slots.buyers - mine.0 - mine.1 - mine.2
        let buyers = NameUrn(sessions: visits, checkouts: mine.0, carts: mine.1, logins: mine.2)
        let others = NameUrn(
            sessions: sessions - visits, checkouts: checkouts - mine.0, carts: carts - mine.1,
            logins: logins - mine.2)
        guard buyers.isPossible, others.isPossible, others.total == slots.others else { return nil }
        return (buyers, others)
    }
}

/// Every event of the log, first in the order of the users, then in that of time.
struct EventPlan {
    private(set) var events: [PlannedEvent] = []
    /// Second of each user's first visit, before the log begins for those whom it does not see arrive.
    private(set) var firstSeen: [Int64] = []
    private(set) var values: [UInt32] = []

    private let plan: UserPlan
    private let seasons: Seasons
    private var tastes: [Float] = []
    private var urns: (buyers: NameUrn, others: NameUrn)
    private var sessions: [Session] = []

    /// What happens in one visit besides its start.
    private struct Session {
        var time: Int64 = 0
        var signUps: Int32 = 0
        var logins: Int32 = 0
        var carts: Int32 = 0
        var checkouts: Int32 = 0
        var purchases: Int32 = 0
    }

    init(plan: UserPlan, seasons: Seasons, randomness: inout Randomness) throws(GenerateFailure) {
        guard let urns = NameUrn.split(plan: plan) else {
            throw GenerateFailure(
                description: "\(plan.shape.events) events of \(plan.shape.users) users cannot have this shape"
            )
        }
        self.plan = plan
        self.seasons = seasons
        self.urns = urns
        events.reserveCapacity(plan.shape.events)
        firstSeen.reserveCapacity(plan.shape.users)
        for user in 0..<plan.shape.users { addUser(user, &randomness) }
        values = Prices.values(tastes: tastes)
        tastes = []
        var mixing = SourceMixing(plan: plan)
        mixing.mixDevices(&events, &randomness)
        mixing.mixMedia(&events, &randomness)
        sortByTime()
    }

    private mutating func addUser(_ user: Int, _ randomness: inout Randomness) {
        if plan.flags[user].contains(.bot) {
            addBot(user, &randomness)
            return
        }
        let flags = plan.flags[user]
        let names = drawNames(user, &randomness)
        drawTimes(count: max(1, names.sessions), isNew: flags.contains(.firstVisit), &randomness)
        distribute(names, &randomness)
        let first = events.count
        let isNew = flags.contains(.firstVisit)
        let level = Float(randomness.gauss())
        for index in sessions.indices {
            addSession(
                sessions[index], user: user, isFirst: index == 0 && isNew, starts: names.sessions > 0,
                level: level, &randomness)
        }
        firstSeen.append(
            isNew
                ? (seasons.start + events[first].time) / Microseconds.second
                : seasons.start / Microseconds.second - 1 - Int64(randomness.below(400 * 86_400)))
    }

    private struct Names {
        var sessions = 0
        var checkouts = 0
        var carts = 0
        var logins = 0
        var signUps = 0
        var purchases = 0
    }

    private mutating func drawNames(_ user: Int, _ randomness: inout Randomness) -> Names {
        let flags = plan.flags[user]
        var names = Names()
        names.purchases = Int(plan.purchases[user])
        names.signUps = flags.contains(.signUp) ? 1 : 0
        names.sessions = plan.hasSession(user) ? 1 : 0
        let forced =
            names.sessions + names.signUps + 2 * names.purchases + (flags.contains(.firstVisit) ? 1 : 0)
        for _ in forced..<Int(plan.events[user]) {
            let name =
                flags.contains(.converted) ? urns.buyers.draw(&randomness) : urns.others.draw(&randomness)
            switch name {
            case .sessionStart: names.sessions += 1
            case .beginCheckout: names.checkouts += 1
            case .addToCart: names.carts += 1
            default: names.logins += 1
            }
        }
        return names
    }

    /// Visits over a stretch that is the longer the more of them there are.
    private mutating func drawTimes(count: Int, isNew: Bool, _ randomness: inout Randomness) {
        let days = seasons.days
        let life = count == 1 ? 1 : min(days, 1 + Int(randomness.exponential(mean: 15 + 3 * Double(count))))
        var first = seasons.day(from: 0, length: days - life + 1, &randomness)
        // A customer from before the log is more often seen from its beginning.
        if !isNew, randomness.uniform() < 0.4 {
            first = min(first, randomness.below(min(30, days - life + 1)))
        }
        sessions.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            let day = seasons.day(from: first, length: life, &randomness)
            sessions.append(Session(time: seasons.instant(on: day, &randomness)))
        }
        sessions.sort { $0.time < $1.time }
    }

    private mutating func distribute(_ names: Names, _ randomness: inout Randomness) {
        let count = sessions.count
        for _ in 0..<names.purchases { sessions[randomness.below(count)].purchases += 1 }
        for _ in 0..<names.checkouts { sessions[randomness.below(count)].checkouts += 1 }
        for _ in 0..<names.carts { sessions[randomness.below(count)].carts += 1 }
        for _ in 0..<names.logins { sessions[randomness.below(count)].logins += 1 }
        for _ in 0..<names.signUps { sessions[randomness.below(count)].signUps += 1 }
    }

    private mutating func addSession(
        _ session: Session, user: Int, isFirst: Bool, starts: Bool, level: Float,
        _ randomness: inout Randomness
    ) {
        var time = session.time
        var opens = true
        func add(_ name: LogShape.Name, after mean: Double, detail: UInt32? = nil) {
            if mean > 0 { time += Microseconds.second + Int64(1e6 * randomness.exponential(mean: mean)) }
            time = min(time, Int64(seasons.days) * Microseconds.day - 1)
            var event = PlannedEvent(
                time: time, name: name, medium: plan.medium[user],
                isDesktop: plan.flags[user].contains(.desktop), user: user,
                detail: detail ?? UInt32(truncatingIfNeeded: randomness.next() >> 32))
            event.opensSession = opens
            opens = false
            events.append(event)
        }
        if isFirst { add(.firstVisit, after: 0) }
        if starts { add(.sessionStart, after: 0) }
        for _ in 0..<session.signUps { add(.signUp, after: 60) }
        for _ in 0..<session.logins { add(.login, after: 30) }
        for _ in 0..<session.carts { add(.addToCart, after: 110) }
        for _ in 0..<session.purchases {
            add(.beginCheckout, after: 150)
            add(.purchase, after: 100, detail: UInt32(tastes.count))
            tastes.append(0.7 * level + 0.714 * Float(randomness.gauss()))
        }
        for _ in 0..<session.checkouts { add(.beginCheckout, after: 150) }
    }

    /// Logs in and checks out without pause for a good part of the log.
    private mutating func addBot(_ user: Int, _ randomness: inout Randomness) {
        let shape = plan.shape
        let earlier = (0..<user).count { plan.flags[$0].contains(.bot) }
        func part(_ total: Int) -> Int {
            total / shape.bots + (earlier < total % shape.bots ? 1 : 0)
        }
        var left = [part(shape.botSessions), part(shape.botLogins), part(shape.botCheckouts)]
        // Their sum is the plan's, whose remainder may fall elsewhere.
        left[0] += Int(plan.events[user]) - left.reduce(0, +)
        let count = Int(plan.events[user])
        let length = Double(seasons.days) * Double(Microseconds.day) * 0.8
        var time = randomness.uniform() * length / 5
        let names: [LogShape.Name] = [.sessionStart, .login, .beginCheckout]
        for index in 0..<count {
            var ball = index == 0 ? 0 : randomness.below(left[0] + left[1] + left[2])
            var choice = 0
            while ball >= left[choice] {
                ball -= left[choice]
                choice += 1
            }
            left[choice] -= 1
            var event = PlannedEvent(
                time: Int64(time), name: names[choice], medium: plan.medium[user], isDesktop: false,
                user: user, detail: UInt32(truncatingIfNeeded: randomness.next() >> 32))
            event.opensSession = index == 0
            events.append(event)
            time += length / Double(count) * (0.5 + randomness.uniform())
        }
        firstSeen.append(seasons.start / Microseconds.second - 1 - Int64(randomness.below(400 * 86_400)))
    }

    /// Spreads the events over buckets of time, then sorts each: O(n) moves through memory, twice.
    private mutating func sortByTime() {
        let span = UInt64(seasons.days) * UInt64(Microseconds.day)
        let bucketCount = min(1 << 19, events.count / 64 + 1)
        let width = span / UInt64(bucketCount) + 1
        var starts = [Int](repeating: 0, count: bucketCount + 1)
        for event in events { starts[Int(UInt64(event.time) / width) + 1] += 1 }
        for bucket in 0..<bucketCount { starts[bucket + 1] += starts[bucket] }
        var next = starts
        let source = events
        events = [PlannedEvent](unsafeUninitializedCapacity: source.count) { sorted, count in
            for event in source {
                let bucket = Int(UInt64(event.time) / width)
                sorted[next[bucket]] = event
                next[bucket] += 1
            }
            for bucket in 0..<bucketCount {
                var part = UnsafeMutableBufferPointer(rebasing: sorted[starts[bucket]..<starts[bucket + 1]])
                part.sort()
            }
            count = source.count
        }
    }
}

extension Randomness {
    mutating func exponential(mean: Double) -> Double { -mean * log1p(-uniform()) }

    /// Standard normal, by Box and Muller.
    mutating func gauss() -> Double {
        (-2 * log1p(-uniform())).squareRoot() * cos(2 * .pi * uniform())
    }
}
