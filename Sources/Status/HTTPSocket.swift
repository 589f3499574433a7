import Core
import Synchronization

/// One TCP connection and the request it carries.
///
/// The connection's thread moves the request along; only `answer` comes from elsewhere, while it waits.
final class HTTPSocket: Sendable {
    enum Phase: Sendable {
        /// No request, or its headers are still coming.
        case idle
        case receiving(Router.Call)
        /// The answer is known; what is left of the body is read and dropped, so that the client can
        /// finish sending and then read.
        case refused(HTTPResponse)
        /// The daemon was asked; the connection's thread waits.
        case waiting
        case answered(HTTPResponse)
        case sending
    }

    private struct State {
        var phase = Phase.idle
        var target: [UInt8] = []
        var body: [UInt8] = []
        var bodyBytes = 0
    }

    let id: UInt64
    private let state = Mutex(State())

    init(id: UInt64) { self.id = id }

    var target: [UInt8] {
        get { state.withLock { $0.target } }
        set { state.withLock { $0.target = newValue } }
    }

    /// Bytes of body kept.
    var keptBytes: Int { state.withLock { $0.body.count } }

    func begin(_ phase: Phase) { state.withLock { $0.phase = phase } }

    /// Takes a part of the body, or drops it where the request is refused. Answers all that came so far.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        state.withLock { state in
            state.bodyBytes += bytes.count
            if case .receiving = state.phase { state.body.append(contentsOf: bytes) }
            return state.bodyBytes
        }
    }

    func refuse(_ refusal: Refusal) {
        state.withLock { state in
            state.phase = .refused(HTTPResponse(refusal))
            state.body = []
        }
    }

    var isReceiving: Bool {
        state.withLock { if case .receiving = $0.phase { true } else { false } }
    }

    enum Step: Sendable {
        case ask(Router.Call, body: [UInt8])
        case send(HTTPResponse)
        /// Woken without an answer: the port is stopping.
        case giveUp
    }

    /// What to do now that the request is whole, or that the wait for its answer is over.
    func step() -> Step {
        state.withLock { state in
            switch state.phase {
            case .receiving(let call):
                let body = state.body
                state.body = []
                state.phase = .waiting
                return .ask(call, body: body)
            case .refused(let response), .answered(let response):
                state.phase = .sending
                return .send(response)
            case .idle, .waiting, .sending:
                state.phase = .sending
                return .giveUp
            }
        }
    }

    /// Takes the daemon's answer, unless nobody waits for it any more.
    func answer(_ response: HTTPResponse) {
        let isWanted = state.withLock { state in
            guard case .waiting = state.phase else { return false }
            state.phase = .answered(response)
            return true
        }
        if !isWanted { response.abandon() }
    }

    /// The request is over, answered or not.
    func complete() {
        let unsent = state.withLock { state in
            defer { state = State() }
            return if case .answered(let response) = state.phase { response } else { nil as HTTPResponse? }
        }
        unsent?.abandon()
    }
}
