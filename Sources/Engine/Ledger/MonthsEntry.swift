package import Core

/// What was found as months ended. The decision stands in the journal, because it is of all partitions at one position
/// and a partition knows its own users only.
package struct MonthsEntry: Sendable, Equatable {
    /// Every month that ended up to and including this instant has been judged.
    package var through: Int64
    /// now when it was decided.
    package var now: Int64
    /// A decline has been told and goes on.
    package var isDeclining: Bool
    package var declines: [SalesDecline]

    /// Whose triggers those of the shop are.
    package static let partition = 0

    package init(through: Int64, now: Int64, isDeclining: Bool, declines: [SalesDecline]) {
        self.through = through
        self.now = now
        self.isDeclining = isDeclining
        self.declines = declines
    }

    package func write(to out: inout ByteWriter) {
        out.put(through)
        out.put(now)
        out.put(isDeclining)
        out.put(UInt64(declines.count))
        for decline in declines { decline.write(to: &out) }
    }

    package init(from input: inout ByteReader) throws(StateError) {
        through = try input.get()
        now = try input.get()
        isDeclining = try input.getBool()
        declines = []
        for _ in 0..<(try input.count(of: 48)) { declines.append(try SalesDecline(from: &input)) }
    }
}

/// A structural drop of sales: two months that lie below the two before them.
package struct SalesDecline: Sendable, Equatable {
    /// The end of the second month, microseconds.
    package var due: Int64
    /// Share of revenue a day that is gone.
    package var drop: Double
    /// The two pairs of months: `2024-07/2024-08`.
    package var from: String
    package var to: String
    package var message: String
    /// Factors of revenue: new over old, and the part of the change of money that they account for.
    package var why: [Trigger.Reason]

    func write(to out: inout ByteWriter) {
        out.put(due)
        out.put(drop)
        for text in [from, to, message] { out.put(text) }
        out.put(UInt64(why.count))
        for reason in why {
            out.put(reason.feature)
            out.put(reason.value)
            out.put(reason.contribution != nil)
            out.put(reason.contribution ?? 0)
        }
    }

    init(from input: inout ByteReader) throws(StateError) {
        due = try input.get()
        drop = try input.getDouble()
        from = try input.getText()
        to = try input.getText()
        message = try input.getText()
        why = []
        for _ in 0..<(try input.count(of: 25)) {
            let feature = try input.getText()
            let value = try input.getDouble()
            let isShared = try input.getBool()
            let contribution = try input.getDouble()
            why.append(
                Trigger.Reason(
                    feature: feature, value: value, contribution: isShared ? contribution : nil))
        }
    }

    package init(
        due: Int64, drop: Double, from: String, to: String, message: String, why: [Trigger.Reason]
    ) {
        self.due = due
        self.drop = drop
        self.from = from
        self.to = to
        self.message = message
        self.why = why
    }
}

extension Partition {
    /// Makes the triggers of declines, which are of no user, and so of no cap, holdout or consent.
    func tell(_ months: MonthsEntry) {
        for decline in months.declines {
            var trigger = Trigger(
                type: SalesWatch.rule, rule: SalesWatch.rule, user: [],
                at: EventTime(microseconds: months.now), due: EventTime(microseconds: decline.due))
            if settings.clockMode == .wall, decline.due < months.now - settings.maxAge {
                trigger.group = .stale
            }
            trigger.score = decline.drop
            trigger.message = decline.message.isEmpty ? nil : decline.message
            trigger.why = decline.why
            trigger.from = decline.from
            trigger.to = decline.to
            triggers.append(trigger)
        }
    }
}
