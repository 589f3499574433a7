package import Core

/// What an ingest connection says and hears, without any I/O: events go in, actions come out.
///
/// A connection begins *plain*: it is never written a byte. A control line makes it *speaking*; it is
/// answered, but rejects and acks only come after a `$hello`. Answers stand in the order of what they
/// answer: `pending` holds everything the daemon owes, oldest first, and a reply goes out when all
/// before it are done.
package struct IngestProtocol {
    package enum Action: Sendable {
        case submit(Submission)
        case hello(producer: String, from: UInt64?)
        case sync(id: UInt64)
        case advance(to: EventTime, id: UInt64)
        /// Something was said of a user.
        case note(ContactProfile, user: [UInt8])
        case goodbye(ProducerSession)
        /// Something to count or to log.
        case report(Report)
    }

    package enum Report: Sendable, Equatable {
        /// A plain connection's first lines were all unusable.
        case unusable(lines: Int)
        case unauthorized
        case fenced(producer: String)
    }

    enum Mode {
        case plain
        /// `$hello` is sent and not answered: nothing is taken until it is.
        case welcoming(producer: String, from: UInt64?)
        /// A `$hello` was refused: data lines have no number, so none is taken.
        case refused
        /// `number` is that of the next line; those below `known` were taken before.
        case producing(session: ProducerSession, number: UInt64, known: UInt64)
    }

    enum Phase {
        case open
        /// No more input; close when everything owed is said.
        case ending
        case dead
    }

    enum Owed {
        /// The fate of a submission; its number of rejections as far as they are known before.
        case receipt(firstLine: UInt64, numbered: Bool, rejections: Int)
        /// `$synced`, with this connection's lines up to the `$sync`.
        case sync(id: UInt64, lines: UInt64)
        case advance(id: UInt64)
        case welcome
        /// Said as soon as all before it is.
        case done(reply: [UInt8], ack: UInt64?)

        var isDone: Bool { if case .done = self { true } else { false } }
    }

    /// Answers other than receipts that may be owed at once.
    static let answersInFlight = 64
    /// Estimate of the bytes of a `$reject`, for the bound on what is to be written.
    static let rejectBytes = 160

    let limits: Limits
    let token: String?
    /// The daemon has connected by itself, to read: nothing is ever said, and a line counts when it is whole,
    /// for after a reconnection the source may give it again.
    let isTailed: Bool
    var mode = Mode.plain
    var phase = Phase.open
    var authorized: Bool
    var fencedOff = false
    /// `closed` was called.
    var isClosed = false
    /// Data lines of this connection.
    var lines: UInt64 = 0
    var unusable = 0
    var usableSeen = false
    var pending: [Owed] = []
    var submissionsInFlight = 0
    var rejectionsInFlight = 0
    var nextID: UInt64 = 0
    var output: [UInt8] = []
    /// The newest ack not yet in `output`: later ones replace it.
    var ack: UInt64?

    /// A reply was made, so the client is one that reads.
    package internal(set) var speaks = false

    /// - Parameter token: what `$hello` must give, nil where none is asked for.
    package init(limits: Limits, token: String?, isTailed: Bool = false) {
        self.limits = limits
        self.token = token
        self.isTailed = isTailed
        batchAllowance = limits.batchesInFlight
        authorized = token == nil
    }

    // MARK: What the connection asks

    /// Batches this connection may have uncommitted.
    private var batchAllowance: Int

    /// Shares the journal's queue among so many connections; each may have one batch in it at least.
    package mutating func share(among connections: Int) {
        let fair = limits.journalQueueBytes / max(1, limits.readBytes) / max(1, connections)
        batchAllowance = max(1, min(limits.batchesInFlight, fair))
    }

    /// Input may be read and handed over.
    package var wantsInput: Bool {
        guard case .open = phase else { return false }
        if case .welcoming = mode { return false }
        return submissionsInFlight < batchAllowance
            && pending.count < batchAllowance + IngestProtocol.answersInFlight
            && output.count + rejectionsInFlight * IngestProtocol.rejectBytes < limits.subscriberBufferBytes
    }

    /// The daemon owes an answer or a commit, so silence is not the client's fault.
    package var owes: Bool { !pending.isEmpty }

    package var hasOutput: Bool { !output.isEmpty || ack != nil }

    /// Everything is said after the end of input.
    package var mayClose: Bool {
        switch phase {
        case .open: false
        case .ending: pending.isEmpty && !hasOutput
        case .dead: true
        }
    }

    package var isEnding: Bool { if case .open = phase { false } else { true } }

    /// A last line without newline counts at a clean end.
    package var takesLastLine: Bool {
        if case .plain = mode { !isEnding && !isTailed } else { false }
    }

    /// A line that could be used has come.
    package var hasUsable: Bool { usableSeen }

    /// Bytes to write, in order; those of an ack that a later one replaced are not among them.
    package mutating func takeOutput() -> [UInt8] {
        writeAck()
        defer { output = [] }
        return output
    }
}
