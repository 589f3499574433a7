import CMicroHTTPD
import Core
import Dispatch
import Glibc
import Synchronization

/// HTTP between libmicrohttpd's threads, one for each connection, and the router's tasks.
///
/// A connection's thread waits for the task that asks the daemon; the cooperative pool never waits for a
/// thread. Suspending connections of one thread instead would lose the answer of a client that has closed
/// its sending side, for libmicrohttpd reads before it writes when a connection is resumed.
final class HTTPPort: Sendable {
    struct Options: Sendable {
        var connections: Int
        var bodyBytes: Int
        /// For a request to come, and of silence while its answer goes.
        var requestSeconds: Int
        static let ticksPerTimeout = 10
        /// Slower bodies are cut off.
        static let bodyBytesPerSecond = 16 << 10
        /// Bodies of all connections together, in multiples of the largest.
        static let bodiesInFlight = 4
    }

    private struct State {
        var daemon: UInt = 0
        var isClosing = false
        var tasks: [UInt64: Task<Void, Never>] = [:]
        /// Threads that wait, by task.
        var waiting: [UInt64: DispatchSemaphore] = [:]
        var nextTask: UInt64 = 0
        var bodyBytes = 0
        var quietUntilTick = 0
        var unheard = 0
    }

    let sockets: SocketTable
    private let options: Options
    private let router: Router
    private let counters: Counters
    private let log: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(options: Options, router: Router, counters: Counters, log: @escaping @Sendable (String) -> Void) {
        self.options = options
        self.router = router
        self.counters = counters
        self.log = log
        sockets = SocketTable(
            patience: Options.ticksPerTimeout,
            bytesPerTick: max(
                1, Options.bodyBytesPerSecond * options.requestSeconds / Options.ticksPerTimeout))
    }

    /// Takes over the listener. The port must outlive the daemon: stop it before letting go.
    func start(
        _ listener: consuming ListenSocket, _ tls: StatusServer.Certificate?
    ) throws(StatusError) {
        let descriptor = listener.giveAway()
        var options = roost_http_options(
            listener: descriptor, connection_limit: UInt32(self.options.connections + 8),
            idle_seconds: UInt32(self.options.requestSeconds), memory_per_connection: 64 << 10,
            certificate: nil, key: nil)
        var calls = HTTPPort.calls(context: Unmanaged.passUnretained(self).toOpaque())
        let daemon = Self.withTexts(of: tls) { chain, key in
            options.certificate = chain
            options.key = key
            return roost_http_start(&options, &calls)
        }
        guard let daemon else {
            close(descriptor)
            throw .cannotStart
        }
        let address = UInt(bitPattern: daemon)
        state.withLock { $0.daemon = address }
    }

    private static func withTexts<Result>(
        of tls: StatusServer.Certificate?,
        _ body: (UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Result
    ) -> Result {
        guard let tls else { return body(nil, nil) }
        return (tls.chain + [0]).withUnsafeBytes { chain in
            (tls.key + [0]).withUnsafeBytes { key in
                body(
                    chain.assumingMemoryBound(to: CChar.self).baseAddress,
                    key.assumingMemoryBound(to: CChar.self).baseAddress)
            }
        }
    }

    /// Ends every connection and joins the threads; whoever waited for an answer gets none. Tasks go on
    /// until what they asked has answered: await `drain`. Does nothing the second time.
    func stop() {
        let (daemon, tasks) = state.withLock { state in
            state.isClosing = true
            for semaphore in state.waiting.values { semaphore.signal() }
            let daemon = state.daemon
            state.daemon = 0
            return (daemon, Array(state.tasks.values))
        }
        for task in tasks { task.cancel() }
        if let daemon = OpaquePointer(bitPattern: daemon) { roost_http_stop(daemon) }
    }

    func drain() async {
        while let task = state.withLock({ $0.tasks.values.first }) { await task.value }
    }

    // MARK: What the daemon calls, on its threads

    fileprivate func admits() -> Bool {
        if sockets.count < options.connections, ListenSocket.descriptorIsSpare { return true }
        counters.add(.httpConnectionsRefused)
        return false
    }

    fileprivate func head(_ socket: HTTPSocket, _ connection: OpaquePointer, method: String) -> Bool {
        counters.add(.httpRequests)
        let head = RequestHead(
            method: method, target: socket.target, authorization: header("Authorization", of: connection),
            contentEncoding: header("Content-Encoding", of: connection),
            ifNoneMatch: header("If-None-Match", of: connection),
            contentLength: header("Content-Length", of: connection).flatMap { Int($0) })
        sockets.expectMore(socket.id)
        do throws(Refusal) {
            socket.begin(.receiving(try router.admit(head)))
        } catch {
            socket.refuse(error)
            // A client that asks before sending its body is told now and need not send it.
            if header("Expect", of: connection) != nil { return whole(socket, connection) }
        }
        return true
    }

    /// False once a refused body has grown so long that the connection is better cut.
    fileprivate func body(_ socket: HTTPSocket, _ bytes: UnsafeRawBufferPointer) -> Bool {
        sockets.receive(socket.id, bytes: bytes.count)
        let isRoom = !socket.isReceiving || reserve(bytes.count)
        if !isRoom {
            release(of: socket)
            socket.refuse(.busy)
        }
        let total = socket.receive(bytes)
        if socket.isReceiving, total > options.bodyBytes {
            release(of: socket)
            socket.refuse(router.tooLarge)
        }
        return total <= 2 * options.bodyBytes
    }

    fileprivate func whole(_ socket: HTTPSocket, _ connection: OpaquePointer) -> Bool {
        sockets.expectNothing(socket.id)
        switch socket.step() {
        case .send(let response): return send(response, on: connection)
        case .giveUp: return send(HTTPResponse(Refusal.stopping), on: connection)
        case .ask(let call, let body):
            let count = body.count
            wait(on: connection) { [router, self] in
                let response = await router.respond(to: call, body: body)
                state.withLock { $0.bodyBytes -= count }
                socket.answer(response)
            }
            return whole(socket, connection)
        }
    }

    fileprivate func completed(_ socket: HTTPSocket) {
        release(of: socket)
        socket.complete()
        sockets.expectMore(socket.id)
    }

    /// Passes on a complaint of libmicrohttpd, at most one in two timeouts: strangers can cause them.
    fileprivate func complain(_ message: String) {
        let tick = sockets.tick
        let unheard = state.withLock { state -> Int? in
            guard tick >= state.quietUntilTick else {
                state.unheard += 1
                return nil
            }
            state.quietUntilTick = tick + 2 * Options.ticksPerTimeout
            defer { state.unheard = 0 }
            return state.unheard
        }
        guard let unheard else { return }
        let text = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        log("status port: \(text)" + (unheard > 0 ? " (and \(unheard) more since the last such line)" : ""))
    }

    // MARK: Bodies

    private func reserve(_ count: Int) -> Bool {
        state.withLock { state in
            guard state.bodyBytes + count <= Options.bodiesInFlight * options.bodyBytes else { return false }
            state.bodyBytes += count
            return true
        }
    }

    private func release(of socket: HTTPSocket) {
        let count = socket.keptBytes
        state.withLock { $0.bodyBytes -= count }
    }

    // MARK: Waiting

    /// Does the work in a task while this thread, the connection's, waits until it is done or the port
    /// stops. The client's patience is not asked for meanwhile.
    ///
    /// - Returns: whether the work was begun; it is not once the port is stopping.
    @discardableResult
    private func wait(
        on connection: OpaquePointer, for work: @escaping @Sendable () async -> Void
    ) -> Bool {
        let semaphore = DispatchSemaphore(value: 0)
        let isBegun = state.withLock { state in
            guard !state.isClosing else { return false }
            let id = state.nextTask
            state.nextTask += 1
            state.waiting[id] = semaphore
            state.tasks[id] = Task {
                await work()
                semaphore.signal()
                self.state.withLock { state in
                    state.tasks[id] = nil
                    state.waiting[id] = nil
                }
            }
            return true
        }
        guard isBegun else { return false }
        roost_http_patience(connection, 0)
        semaphore.wait()
        roost_http_patience(connection, UInt32(options.requestSeconds))
        return true
    }

    // MARK: Answers

    private func header(_ name: String, of connection: OpaquePointer) -> String? {
        roost_http_header(connection, name).map { String(cString: $0) }
    }

    private func send(_ response: HTTPResponse, on connection: OpaquePointer) -> Bool {
        let queued: OpaquePointer?
        switch response.body {
        case .bytes(let bytes):
            queued = bytes.withUnsafeBytes { roost_http_response_of($0.baseAddress, $0.count) }
        case .pieces(let stream):
            queued = streamed(stream, on: connection)
            if response.isHead, let queued { roost_http_response_without_chunks(queued) }
        }
        guard let queued else { return false }
        var headers = response.headers
        headers.append(.init(name: "Content-Type", value: response.contentType))
        headers.append(.init(name: "Cache-Control", value: response.cacheControl))
        headers.append(.init(name: "X-Content-Type-Options", value: "nosniff"))
        for header in headers {
            let isTaken = roost_http_response_header(queued, header.name, header.value)
            precondition(isTaken, "headers are ours and well formed")
        }
        return roost_http_send(connection, UInt32(response.status), queued)
    }

    private func streamed(_ stream: PieceStream, on connection: OpaquePointer) -> OpaquePointer? {
        let body = StreamedBody(stream: stream, port: self, connection: connection)
        let reference = Unmanaged.passRetained(body)
        let response = roost_http_response_from(
            { body, _, buffer, capacity in
                StreamedBody.of(body).read(
                    into: UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
            }, reference.toOpaque(),
            { body in
                let body = Unmanaged<StreamedBody>.fromOpaque(body!).takeRetainedValue()
                body.stream.end()
            })
        if response == nil {
            reference.release()
            stream.end()
        }
        return response
    }

    /// Reads on; where nothing is there yet, waits until something is.
    fileprivate func read(
        _ stream: PieceStream, for connection: OpaquePointer, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        while true {
            switch stream.read(into: buffer) {
            case .bytes(let count): return count
            case .end: return Int(ROOST_HTTP_END)
            case .broken: return Int(ROOST_HTTP_BROKEN)
            case .empty:
                if !wait(on: connection, for: { await stream.fetch() }) {
                    stream.giveUpFetching()
                    return Int(ROOST_HTTP_BROKEN)
                }
            }
        }
    }
}

/// A streamed answer on its way out, as libmicrohttpd's reader knows it; one connection's thread has it.
private final class StreamedBody {
    let stream: PieceStream
    private let port: HTTPPort
    private let connection: OpaquePointer

    init(stream: PieceStream, port: HTTPPort, connection: OpaquePointer) {
        self.stream = stream
        self.port = port
        self.connection = connection
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        port.read(stream, for: connection, into: buffer)
    }

    static func of(_ pointer: UnsafeMutableRawPointer?) -> StreamedBody {
        Unmanaged<StreamedBody>.fromOpaque(pointer!).takeUnretainedValue()
    }
}

extension HTTPPort {
    /// The C side's calls, each found back to the port and the socket.
    private static func calls(context: UnsafeMutableRawPointer) -> roost_http_calls {
        roost_http_calls(
            context: context,
            admit: { HTTPPort.of($0).admits() },
            opened: { context, descriptor in
                let socket = HTTPSocket(id: HTTPPort.of(context).sockets.open(descriptor))
                return Unmanaged.passRetained(socket).toOpaque()
            },
            closed: { context, socket in
                let socket = Unmanaged<HTTPSocket>.fromOpaque(socket!).takeRetainedValue()
                HTTPPort.of(context).sockets.close(socket.id)
            },
            target: { _, socket, target in
                HTTPPort.socket(socket).target = Array(
                    UnsafeRawBufferPointer(start: target, count: strlen(target!)))
            },
            head: { context, socket, connection, method in
                HTTPPort.of(context).head(
                    HTTPPort.socket(socket), connection!, method: String(cString: method!))
            },
            body: { context, socket, bytes, length in
                HTTPPort.of(context).body(
                    HTTPPort.socket(socket), UnsafeRawBufferPointer(start: bytes, count: length))
            },
            whole: { context, socket, connection in
                HTTPPort.of(context).whole(HTTPPort.socket(socket), connection!)
            },
            completed: { context, socket in HTTPPort.of(context).completed(HTTPPort.socket(socket)) },
            complain: { context, message in HTTPPort.of(context).complain(String(cString: message!)) })
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> HTTPPort {
        Unmanaged<HTTPPort>.fromOpaque(context!).takeUnretainedValue()
    }

    private static func socket(_ pointer: UnsafeMutableRawPointer?) -> HTTPSocket {
        Unmanaged<HTTPSocket>.fromOpaque(pointer!).takeUnretainedValue()
    }
}
