/// A decision to reach out, as the engine makes it: everything but its number, which the outbox gives.
package struct Trigger: Sendable, Equatable {
    /// What happens to it.
    package enum Group: String, Sendable, CaseIterable {
        /// To be sent.
        case treated
        /// Held out for comparison: recorded, sent only to those who ask.
        case holdout
        /// Due longer ago than `triggers.max_age`: recorded, not sent.
        case stale

        /// As rows keep it: place among all cases.
        package var number: UInt8 {
            switch self {
            case .treated: 0
            case .holdout: 1
            case .stale: 2
            }
        }
    }

    /// An item offered with it.
    package struct Item: Sendable, Equatable {
        package var itemID: String
        package var score: Double
        /// Method that chose it.
        package var by: String
        /// Pieces foretold for the day it is due; nil where no forecast chose it.
        package var quantity: Double?
        package init(itemID: String, score: Double, by: String, quantity: Double? = nil) {
            self.itemID = itemID
            self.score = score
            self.by = by
            self.quantity = quantity
        }
    }

    /// A predicted date with its 80 % interval, days of `clock.timezone` since 1970-01-01.
    package struct Predicted: Sendable, Equatable {
        package var date: Int32
        package var p10: Int32
        package var p90: Int32
        package init(date: Int32, p10: Int32, p90: Int32) {
            self.date = date
            self.p10 = p10
            self.p90 = p90
        }
    }

    /// A feature that moved the decision.
    package struct Reason: Sendable, Equatable {
        package var feature: String
        package var value: Double
        package var contribution: Double?
        package init(feature: String, value: Double, contribution: Double? = nil) {
            self.feature = feature
            self.value = value
            self.contribution = contribution
        }
    }

    package var type: String
    package var rule: String
    /// User id bytes; empty where the trigger concerns nobody.
    package var user: [UInt8]
    /// now in the daemon's clock when it was decided.
    package var at: EventTime
    package var due: EventTime
    /// Position in the order of decisions within a journal record: a trigger decided when the watermark
    /// stood at W, after those due before W and before those due at W, sorts by (W, -1).
    package var order: EventTime
    package var orderBias: Int8 = 0
    /// Row of the journal record that brought it about, where a single line did (a late one), else 0.
    package var orderRow: UInt32 = 0
    /// Tells apart what shares rule, user and due.
    package var occurrence: UInt32 = 0
    package var group: Group = .treated
    package var segment: String?
    package var tier: String?
    package var score: Double?
    package var model: String?
    package var predicted: Predicted?
    package var items: [Item] = []
    package var message: String?
    /// What the declaration of its rule says: through which channel, what is to be done, with what coupon.
    package var channel: String?
    package var action: String?
    package var coupon: Coupon?
    package var why: [Reason] = []
    /// In which reasons are put into words; nil: English.
    package var language: String?
    /// `segment_moved`, `tier_changed`: from where to where.
    package var from: String?
    package var to: String?
    /// `retracted`: which of the user's triggers is withdrawn; the outbox puts its number.
    package var retracts: Retraction?

    /// What is offered off the price.
    package struct Coupon: Sendable, Equatable {
        /// Empty: none has a code.
        package var code: String
        /// Percent.
        package var discount: Double
        package init(code: String, discount: Double) {
            self.code = code
            self.discount = discount
        }
    }

    package struct Retraction: Sendable, Equatable {
        package var rule: String
        package var due: EventTime
        package var occurrence: UInt32
        package init(rule: String, due: EventTime, occurrence: UInt32 = 0) {
            self.rule = rule
            self.due = due
            self.occurrence = occurrence
        }

        /// Id of the user's trigger that is withdrawn.
        package func id(of user: [UInt8]) -> TriggerID {
            TriggerID(rule: rule, user: user, due: due, occurrence: occurrence)
        }
    }

    package init(type: String, rule: String, user: [UInt8], at: EventTime, due: EventTime) {
        self.type = type
        self.rule = rule
        self.user = user
        self.at = at
        self.due = due
        self.order = due
    }

    /// Hash of rule, user, due and occurrence: the same whenever the same history is replayed.
    package var id: TriggerID { TriggerID(rule: rule, user: user, due: due, occurrence: occurrence) }

    /// The order within a journal record: due, rule, user, occurrence; what late lines bring about comes in
    /// the order of the lines, so that it does not matter where records are cut.
    package static func precedes(_ a: Trigger, _ b: Trigger) -> Bool {
        if a.order != b.order { return a.order < b.order }
        if a.orderBias != b.orderBias { return a.orderBias < b.orderBias }
        if a.orderRow != b.orderRow { return a.orderRow < b.orderRow }
        if a.rule != b.rule { return a.rule < b.rule }
        if a.user != b.user { return a.user.lexicographicallyPrecedes(b.user) }
        if a.occurrence != b.occurrence { return a.occurrence < b.occurrence }
        return a.due < b.due
    }
}

/// 128 bits that name a trigger for good; written as 32 hexadecimal digits.
package struct TriggerID: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(rule: String, user: [UInt8], due: EventTime, occurrence: UInt32) {
        var bytes: [UInt8] = []
        bytes.append(contentsOf: Array(rule.utf8))
        bytes.append(0)
        bytes.append(contentsOf: user)
        bytes.append(0)
        withUnsafeBytes(of: due.microseconds.littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: occurrence.littleEndian) { bytes.append(contentsOf: $0) }
        (high, low) = StableHash.hash128(bytes)
    }

    package var text: String {
        var out: [UInt8] = []
        for word in [high, low] {
            for shift in stride(from: 60, through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: (word >> UInt64(shift)) & 15)
                out.append(digit < 10 ? 48 + digit : 87 + digit)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
