package import Core

/// What all connections of the ingest port share.
package struct IngestContext: Sendable {
    package let limits: Limits
    package let intake: any Intake
    /// Secret of this process for the hashes of user ids.
    package let key: HashKey
    package let token: String?
    /// Nil: connections are plain.
    package let tls: TLSContext?
    /// The daemon connects by itself and reads: see `IngestProtocol.isTailed`.
    package let isTailed: Bool
    /// Wall clock: an event further ahead of now is refused; microseconds.
    package let maxFutureSkew: Int64
    package let time: any TimeSource
    package let counters: Counters
    private let unusable: LogThrottle
    private let unauthorized: LogThrottle
    private let fenced: LogThrottle

    /// - Parameters:
    ///   - token: what `$hello` must give; nil where none is asked for.
    ///   - tls: certificate of the port; nil: connections are plain.
    ///   - isTailed: for connections that the daemon makes; nobody is asked for a token there.
    package init(
        limits: Limits, intake: any Intake, key: HashKey, token: String? = nil, tls: TLSContext? = nil,
        isTailed: Bool = false,
        maxFutureSkew: Int64 = Settings().clock.maxFutureSkew, time: any TimeSource, counters: Counters,
        log: Log
    ) {
        self.limits = limits
        self.intake = intake
        self.key = key
        self.token = isTailed ? nil : token
        self.tls = tls
        self.isTailed = isTailed
        self.maxFutureSkew = maxFutureSkew
        self.time = time
        self.counters = counters
        unusable = LogThrottle(log: log, time: time)
        unauthorized = LogThrottle(log: log, time: time)
        fenced = LogThrottle(log: log, time: time)
    }

    /// Under the wall clock, the latest event time that is taken now.
    var latestAccepted: EventTime? { intake.wallNow().map { $0 + maxFutureSkew } }

    func report(_ report: IngestProtocol.Report, peer: String) {
        switch report {
        case .unusable(let lines):
            counters.add(.ingestConnectionsClosedUnusable)
            unusable(
                .warning, "ingest: closed a connection from \(peer): its first \(lines) lines are unusable")
        case .unauthorized:
            counters.add(.ingestConnectionsRefused)
            unauthorized(.warning, "ingest: refused a connection from \(peer): no valid token")
        case .fenced(let producer):
            fenced(
                .info, "ingest: producer \(producer.prefix(64)) said hello again; fenced the one from \(peer)"
            )
        }
    }
}

extension Listener {
    /// Opens the ingest port.
    /// - Parameters:
    ///   - address: `host:port`, port 0 for a free one.
    ///   - makeDecoder: called once for each connection.
    package static func ingest<Decoder: SlabDecoder & ~Copyable>(
        address: String, context: IngestContext, log: Log, makeDecoder: @escaping @Sendable () -> Decoder
    ) throws(ListenFailure) -> Listener {
        let limits = context.limits
        return try Listener(
            address: address, name: "ingest",
            bounds: Bounds(total: limits.ingestConnections, perPeer: limits.ingestConnectionsPerPeer),
            metrics: Metrics(
                open: .ingestConnections, accepted: .ingestConnectionsTotal,
                refused: .ingestConnectionsRefused),
            counters: context.counters, time: context.time, log: log
        ) { accepted, onEnd in
            IngestConnection(accepted, context: context, makeDecoder: makeDecoder, onEnd: onEnd)
        }
    }
}
