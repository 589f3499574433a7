import Core
import Glibc

/// No log of such a size can have the shape.
struct GenerateFailure: Error, CustomStringConvertible {
    var description: String
}

/// What every user will do, in counts: media, device, conversion and events, drawn without replacement so
/// that every total of the shape comes out exactly.
struct UserPlan {
    struct Flags: OptionSet {
        let rawValue: UInt8
        static let converted = Flags(rawValue: 1)
        static let desktop = Flags(rawValue: 2)
        static let firstVisit = Flags(rawValue: 4)
        static let signUp = Flags(rawValue: 8)
        static let bot = Flags(rawValue: 16)
    }

    let shape: LogShape
    /// Main medium of each user.
    private(set) var medium: [UInt8] = []
    private(set) var flags: [Flags] = []
    private(set) var purchases: [UInt16] = []
    /// Events of each user in all.
    private(set) var events: [UInt32] = []
    /// Events that follow from nothing else, to be drawn from the urns: of buyers and of the others.
    private(set) var freeSlots = (converted: 0, others: 0)
    /// Visits that must be, one of nearly every user.
    private(set) var forcedSessions = 0

    /// Most events of a user who is not a bot.
    private static let mostEvents = 900
    private static let mostPurchases = 120

    init(shape: LogShape, randomness: inout Randomness) throws(GenerateFailure) {
        self.shape = shape
        drawClasses(&randomness)
        drawDevices(&randomness)
        drawFirstVisits(&randomness)
        drawPurchases(&randomness)
        try drawEvents(&randomness)
        try drawSignUps(&randomness)
    }

    /// Medium and conversion: the exact number of each pair, shuffled. Bots are the first of the
    /// medium with most events that is not advertising, and do not convert.
    private mutating func drawClasses(_ randomness: inout Randomness) {
        let count = shape.users
        medium.reserveCapacity(count)
        flags.reserveCapacity(count)
        for (index, source) in shape.media.enumerated() {
            medium.append(contentsOf: repeatElement(UInt8(index), count: source.users))
            flags.append(contentsOf: repeatElement(.converted, count: source.converted))
            flags.append(contentsOf: repeatElement([], count: source.users - source.converted))
        }
        for index in stride(from: count - 1, to: 0, by: -1) {
            let other = randomness.below(index + 1)
            medium.swapAt(index, other)
            flags.swapAt(index, other)
        }
        let home = UInt8(shape.media.firstIndex { !$0.isAd } ?? 0)
        var left = shape.bots
        for index in 0..<count where left > 0 && medium[index] == home && !flags[index].contains(.converted) {
            flags[index].insert(.bot)
            left -= 1
        }
    }

    /// Marks exactly `total` of the users that qualify.
    private mutating func mark(
        _ flag: Flags, total: Int, _ randomness: inout Randomness, where qualifies: (Int, Flags) -> Bool
    ) {
        var candidates = 0
        for index in flags.indices where qualifies(index, flags[index]) { candidates += 1 }
        var left = min(total, candidates)
        for index in flags.indices where left > 0 && qualifies(index, flags[index]) {
            if randomness.below(candidates) < left {
                flags[index].insert(flag)
                left -= 1
            }
            candidates -= 1
        }
    }

    private mutating func drawDevices(_ randomness: inout Randomness) {
        mark(.desktop, total: shape.desktopConverted, &randomness) { $1.contains(.converted) }
        mark(.desktop, total: shape.desktopUsers - shape.desktopConverted, &randomness) {
            $1.isDisjoint(with: [.converted, .bot])
        }
    }

    /// Buyers were more often customers before the log begins.
    private mutating func drawFirstVisits(_ randomness: inout Randomness) {
        let total = shape.count(.firstVisit)
        let others = shape.users - shape.converted - shape.bots
        let ofConverted = min(shape.converted, max(total - others, Int(Double(shape.converted) * 0.62)))
        mark(.firstVisit, total: ofConverted, &randomness) { $1.contains(.converted) }
        mark(.firstVisit, total: total - ofConverted, &randomness) {
            $1.isDisjoint(with: [.converted, .bot])
        }
    }

    private mutating func drawPurchases(_ randomness: inout Randomness) {
        var weights = [Float](repeating: 0, count: shape.users)
        for index in weights.indices where flags[index].contains(.converted) {
            weights[index] = Float(pow(1 - randomness.uniform(), -1 / 1.6) - 1)
        }
        let further = Allocation.draw(
            weights: weights, group: { [flags] in flags[$0].contains(.converted) ? 0 : nil },
            totals: [shape.count(.purchase) - shape.converted], most: Self.mostPurchases - 1, &randomness)
        purchases = further.map { UInt16($0) }
        for index in purchases.indices where flags[index].contains(.converted) { purchases[index] += 1 }
    }

    /// Events that a user must have: a visit, or the first one; a checkout for every purchase.
    private func least(_ index: Int) -> Int {
        guard flags[index].contains(.converted) else { return 1 }
        return 2 * Int(purchases[index]) + 1 + (flags[index].contains(.firstVisit) ? 1 : 0)
    }

    /// Groups share their events out by weight: one of desktop users, one of each medium for the others.
    private mutating func drawEvents(_ randomness: inout Randomness) throws(GenerateFailure) {
        let desktop = shape.media.count
        var targets = shape.media.map(\.events) + [shape.desktopEvents * 89 / 100]
        let botEvents = shape.botLogins + shape.botCheckouts + shape.botSessions
        var weights = [Float](repeating: 0, count: shape.users)
        for index in weights.indices {
            let isBuyer = flags[index].contains(.converted)
            if flags[index].contains(.bot) {
                targets[Int(medium[index])] -= botEvents / shape.bots
                continue
            }
            targets[group(of: index) ?? desktop] -= least(index)
            weights[index] = Float(min(pow(1 - randomness.uniform(), -1 / 1.25) - 1, 400)) * (isBuyer ? 3 : 1)
        }
        targets[desktop] = max(0, targets[desktop])
        var further = draw(weights, only: desktop, targets: targets, &randomness)
        for index in further.indices where flags[index].contains(.desktop) {
            targets[Int(medium[index])] -= least(index) + Int(further[index])
        }
        try settle(&targets, botEvents: botEvents, further: further)
        let mobile = draw(weights, only: nil, targets: targets, &randomness)
        var botIndex = 0
        for index in further.indices {
            if flags[index].contains(.bot) {
                // Equal shares, the remainder to the first.
                further[index] = UInt32(
                    botEvents / shape.bots + (botIndex < botEvents % shape.bots ? 1 : 0))
                botIndex += 1
            } else {
                further[index] += mobile[index] + UInt32(least(index))
            }
        }
        events = further
    }

    private func group(of index: Int) -> Int? {
        if flags[index].contains(.bot) { return nil }
        return flags[index].contains(.desktop) ? shape.media.count : Int(medium[index])
    }

    private func draw(
        _ weights: [Float], only: Int?, targets: [Int], _ randomness: inout Randomness
    ) -> [UInt32] {
        let desktop = shape.media.count
        return Allocation.draw(
            weights: weights,
            group: { index in
                guard let group = self.group(of: index) else { return nil }
                return (group == desktop) == (only == desktop) ? group : nil
            },
            totals: targets.enumerated().map { ($0 == desktop) == (only == desktop) ? $1 : 0 },
            most: Self.mostEvents, &randomness)
    }

    /// Makes what is left to give add up to what is left of the log, with nothing negative and nothing for a
    /// medium that has no user to give it to: at small sizes neighbours take over.
    private func settle(
        _ targets: inout [Int], botEvents: Int, further: [UInt32]
    ) throws(GenerateFailure) {
        var room = [Int](repeating: 0, count: shape.media.count)
        var total = shape.events - (shape.bots > 0 ? botEvents : 0)
        for index in flags.indices {
            guard let group = group(of: index) else { continue }
            total -= least(index)
            if group < room.count { room[group] += 1 } else { total -= Int(further[index]) }
        }
        guard total >= 0 else {
            throw GenerateFailure(description: "\(shape.events) events are too few for \(shape.users) users")
        }
        for group in room.indices where targets[group] < 0 || room[group] == 0 { targets[group] = 0 }
        var difference = total - targets.prefix(room.count).reduce(0, +)
        let byRoom = room.indices.sorted { room[$0] != room[$1] ? room[$0] > room[$1] : $0 < $1 }
        for group in byRoom where difference != 0 && room[group] > 0 {
            let change = max(difference, -targets[group])
            targets[group] += change
            difference -= change
        }
        for group in room.indices where targets[group] > room[group] * Self.mostEvents / 2 {
            throw GenerateFailure(description: "\(shape.events) events are too many for \(shape.users) users")
        }
    }

    private mutating func drawSignUps(_ randomness: inout Randomness) throws(GenerateFailure) {
        let free = flags.indices.map { UInt32(freeSlots(of: $0)) }
        mark(.signUp, total: shape.count(.signUp), &randomness) { index, _ in free[index] > 0 }
        var signUps = 0
        for index in flags.indices where !flags[index].contains(.bot) {
            let signUp = flags[index].contains(.signUp) ? 1 : 0
            signUps += signUp
            if flags[index].contains(.converted) {
                freeSlots.converted += Int(free[index]) - signUp
            } else {
                freeSlots.others += Int(free[index]) - signUp
            }
            if hasSession(index) { forcedSessions += 1 }
        }
        guard signUps == shape.count(.signUp) else {
            throw GenerateFailure(description: "\(shape.events) events leave no room for the sign-ups")
        }
    }

    /// Events of a user beyond the first visit, one session, and the checkouts and purchases.
    private func freeSlots(of index: Int) -> Int {
        if flags[index].contains(.bot) { return 0 }
        if flags[index].contains(.converted) { return Int(events[index]) - least(index) }
        return max(0, Int(events[index]) - 1 - (flags[index].contains(.firstVisit) ? 1 : 0))
    }

    /// Only a user whose single event is the first visit has no session.
    func hasSession(_ index: Int) -> Bool { events[index] > 1 || !flags[index].contains(.firstVisit) }
}

/// Heavy-tailed shares that add up.
enum Allocation {
    /// Shares each group's total out among its members by weight, rounded at random.
    ///
    /// - Parameter group: nil: gets nothing.
    static func draw(
        weights: [Float], group: (Int) -> Int?, totals: [Int], most: Int, _ randomness: inout Randomness
    ) -> [UInt32] {
        var sums = [Double](repeating: 0, count: totals.count)
        for index in weights.indices {
            if let group = group(index) { sums[group] += Double(weights[index]) }
        }
        let scales = zip(totals, sums).map { $1 > 0 ? Double($0) / $1 : 0 }
        var left = totals
        var shares = [UInt32](repeating: 0, count: weights.count)
        for index in weights.indices {
            guard let group = group(index) else { continue }
            let share = min(most, Int(Double(weights[index]) * scales[group] + randomness.uniform()))
            shares[index] = UInt32(share)
            left[group] -= share
        }
        correct(&shares, &left, group: group, most: most, start: randomness.below(max(1, weights.count)))
        return shares
    }

    /// What rounding left over, by ones, walking round from a random start until nothing more can be done.
    private static func correct(
        _ shares: inout [UInt32], _ left: inout [Int], group: (Int) -> Int?, most: Int, start: Int
    ) {
        var before: [Int] = []
        while left != before {
            before = left
            for step in shares.indices {
                let index = start + step < shares.count ? start + step : start + step - shares.count
                guard let group = group(index), left[group] != 0 else { continue }
                if left[group] > 0, shares[index] < UInt32(most) {
                    shares[index] += 1
                    left[group] -= 1
                } else if left[group] < 0, shares[index] > 0 {
                    shares[index] -= 1
                    left[group] += 1
                }
            }
        }
    }
}
