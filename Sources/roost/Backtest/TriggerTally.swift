import Core

/// What the triggers of a run add up to: by rule and month, by user, and by what followed them.
struct TriggerTally {
    /// Figures of one rule.
    struct Rule {
        /// By month of `at`, `YYYY-MM` in `clock.timezone`.
        var months: [String: Int] = [:]
        /// By group.
        var groups: [String: Int] = [:]
        /// To a user, long enough before the log's end that what followed is known.
        var followed = 0
        /// Of those, followed by a purchase of that user within the window.
        var bought = 0
        /// First halves of the ids, for telling two runs apart.
        var ids: Set<UInt64> = []

        var total: Int { groups.values.reduce(0, +) }
    }

    /// Messages one user would have got.
    private struct Received {
        var total = 0
        var day = Int32.min
        var onDay = 0
        var mostInADay = 0
    }

    /// A date that was predicted on a trigger, and when it was.
    struct Dated {
        var buyer: Int?
        /// Day it was said on.
        var day: Int32
        var predicted: Trigger.Predicted
    }

    /// How long after a trigger a purchase counts as following it.
    static let window = 7 * Microseconds.day
    /// Rules that tell of something without being a message to the user.
    static let silent: Set<String> = ["retracted", "bot_suspected", "sales_decline"]

    private(set) var rules: [String: Rule] = [:]
    private(set) var dated: [Dated] = []
    private(set) var lastSeq: Int64 = 0
    private var received: [String: Received] = [:]
    private let history: PurchaseHistory
    private let zone: Zone

    init(_ history: PurchaseHistory, zone: Zone) {
        self.history = history
        self.zone = zone
    }

    /// Takes one line of the outbox.
    mutating func take(_ line: JSONValue) {
        guard let rule = line["rule"]?.text, let at = line["at"]?.text.flatMap(InstantText.parse),
            let group = line["group"]?.text
        else { return }
        lastSeq = max(lastSeq, line["seq"]?.whole ?? 0)
        let user = line["user"]?.text
        let buyer = user.flatMap { history.buyer(Array($0.utf8)) }
        var figures = rules.removeValue(forKey: rule) ?? Rule()
        figures.months[String(zone.date(of: at).text.prefix(7)), default: 0] += 1
        figures.groups[group, default: 0] += 1
        if let id = line["id"]?.text { figures.ids.insert(UInt64(id.prefix(16), radix: 16) ?? 0) }
        if user != nil, at.microseconds + Self.window <= history.to {
            figures.followed += 1
            if let buyer, history.bought(buyer, after: at.microseconds, within: Self.window) {
                figures.bought += 1
            }
        }
        rules[rule] = figures
        if let user, group == Trigger.Group.treated.rawValue, !Self.silent.contains(rule) {
            receive(user, zone.day(of: at))
        }
        if let predicted = Self.predicted(line["predicted"]) {
            dated.append(Dated(buyer: buyer, day: zone.day(of: at), predicted: predicted))
        }
    }

    private mutating func receive(_ user: String, _ day: Int32) {
        var of = received.removeValue(forKey: user) ?? Received()
        of.total += 1
        of.onDay = of.day == day ? of.onDay + 1 : 1
        of.day = day
        of.mostInADay = max(of.mostInADay, of.onDay)
        received[user] = of
    }

    private static func predicted(_ value: JSONValue?) -> Trigger.Predicted? {
        guard let date = day(value?["date"]), let low = day(value?["p10"]), let high = day(value?["p90"])
        else { return nil }
        return Trigger.Predicted(date: date, p10: low, p90: high)
    }

    private static func day(_ value: JSONValue?) -> Int32? {
        guard let parts = value?.text?.split(separator: "-"), parts.count == 3, let year = Int(parts[0]),
            let month = Int(parts[1]), let day = Int(parts[2])
        else { return nil }
        return CalendarDate(year: year, month: month, day: day).dayNumber
    }

    /// How many messages the users of a store would have got.
    func messages(users: Int) -> Messages {
        var counts = received.values.map { Double($0.total) }
        counts += [Double](repeating: 0, count: max(0, users - counts.count))
        counts.sort()
        var messages = Messages(users: counts.count)
        messages.total = received.values.reduce(0) { $0 + $1.total }
        messages.median = Quantile.of(counts, 0.5)
        messages.p90 = Quantile.of(counts, 0.9)
        messages.p99 = Quantile.of(counts, 0.99)
        messages.most = Int(counts.last ?? 0)
        messages.mostInADay = received.values.map(\.mostInADay).max() ?? 0
        messages.bands = Messages.edges.indices.map { index in
            let from = Messages.edges[index]
            let to = index + 1 < Messages.edges.count ? Messages.edges[index + 1] - 1 : nil
            return Messages.Band(
                from: from, to: to,
                users: counts.count { Int($0) >= from && Int($0) <= to ?? .max })
        }
        return messages
    }
}

/// How many messages each user would have got.
struct Messages {
    struct Band {
        var from: Int
        /// Nil: no bound.
        var to: Int?
        var users: Int

        var text: String { to == nil ? "\(from)+" : to == from ? "\(from)" : "\(from)–\(to ?? from)" }
    }

    static let edges = [0, 1, 2, 3, 5, 10, 20, 50, 100]

    var users: Int
    var total = 0
    var median: Double?
    var p90: Double?
    var p99: Double?
    var most = 0
    var mostInADay = 0
    var bands: [Band] = []

    init(users: Int) { self.users = users }

    var mean: Double? { users > 0 ? Double(total) / Double(users) : nil }
}

extension Zone {
    /// Calendar date of an instant.
    func date(of time: EventTime) -> CalendarDate { CalendarDate(dayNumber: day(of: time)) }
}
