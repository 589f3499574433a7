// What the rooms say to each other of the sinks.

/// Where sinks read, and keep what they could not deliver. Completions come on a queue of the callee.
package protocol SinkSource: TriggerSource {
    /// Gives up triggers that could not be delivered, and moves the sink's cursor behind them, both or neither.
    ///
    /// - Parameters:
    ///   - seqs: ascending.
    ///   - reason: in words, without anything of a user.
    ///   - completion: told whether it is kept.
    func bury(
        _ seqs: [Int64], of consumer: String, reason: String,
        completion: @escaping @Sendable (Bool) -> Void)

    /// Wall time at which a trigger was recorded, within a second; nil where it is no longer known.
    func recorded(_ seq: Int64, completion: @escaping @Sendable (EventTime?) -> Void)
}

/// How a sink is doing.
package struct SinkView: Sendable, Equatable {
    package enum State: String, Sendable {
        /// Everything recorded is delivered.
        case idle
        case delivering
        /// The last attempt failed; it waits and tries again.
        case failing
        case stopped
    }

    package var name: String
    package var type: String
    package var state = State.idle
    /// Everything up to here is delivered, filtered out, given up or missed.
    package var cursor: Int64 = 0
    /// Triggers recorded after the cursor.
    package var behind: Int64 = 0
    package var delivered: Int64 = 0
    /// Attempts that failed.
    package var failures: Int64 = 0
    /// Triggers given up, which `GET /v1/dead-letters?sink=` shows.
    package var dead: Int64 = 0
    /// Triggers that retention dropped before they were delivered.
    package var missed: Int64 = 0
    package var lastError: String?
    package var lastErrorAt: EventTime?
    package var lastDeliveredAt: EventTime?

    package init(name: String, type: String) {
        self.name = name
        self.type = type
    }

    /// Its counts by the names of the contract.
    package var counts: [(name: String, value: Int64)] {
        [
            ("cursor", cursor), ("behind", behind), ("delivered", delivered), ("failures", failures),
            ("dead", dead), ("missed", missed),
        ]
    }
}
