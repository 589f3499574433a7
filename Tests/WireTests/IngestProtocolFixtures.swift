import Core
import Wire

/// A protocol machine with readable answers.
struct Script {
    var machine: IngestProtocol
    var submissions: [Submission] = []
    var actions: [IngestProtocol.Action] = []

    init(limits: Limits = Limits(), token: String? = nil) {
        machine = IngestProtocol(limits: limits, token: token)
    }

    private mutating func note(_ new: [IngestProtocol.Action]) {
        for action in new {
            if case .submit(let submission) = action { submissions.append(submission) }
            actions.append(action)
        }
    }

    mutating func lines(_ batch: EventBatch) { note(machine.received(batch)) }

    mutating func control(_ text: String) {
        let bytes = Array(text.utf8)
        bytes.withUnsafeBytes { note(machine.received(control: $0)) }
    }

    mutating func hello(_ text: String = #"{"$hello":{"producer":"p"}}"#, next: UInt64 = 1) {
        control(text)
        answer(
            .welcome(session: ProducerSession(name: "p", epoch: 1), next: next, store: "s"))
    }

    mutating func answer(_ answer: HelloAnswer) { note(machine.answered(answer)) }
    mutating func commit(next: UInt64, _ rejections: [Rejection] = []) {
        note(machine.completed(.committed(next: next, rejections: rejections, accepted: 0)))
    }
    mutating func receipt(_ receipt: Receipt) { note(machine.completed(receipt)) }
    mutating func fence() { note(machine.fenced()) }
    mutating func close() { note(machine.closed()) }

    /// What the client reads, line by line.
    mutating func read() -> [String] {
        String(decoding: machine.takeOutput(), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    var goodbyes: Int {
        actions.count { if case .goodbye = $0 { true } else { false } }
    }
    var reports: [IngestProtocol.Report] {
        actions.compactMap { if case .report(let report) = $0 { report } else { nil } }
    }
}

func rejection(_ line: UInt32) -> Rejection {
    Rejection(line: line, code: .badJSON, detail: "d", raw: [])
}
