package import Core
import Dispatch

/// Why the status port could not be opened.
package enum StatusError: Error, Sendable, Equatable {
    /// Not `host:port`.
    case badAddress(String)
    case unknownHost(address: String, reason: String)
    case cannotBind(address: String, errno: Int32)
    /// libmicrohttpd refused; it says why in the log.
    case cannotStart
}

/// The status port: HTTP/1.1 over libmicrohttpd, answering from a `StatusSource`.
///
/// Every connection has a thread, which waits while a task asks the source. Bounds: `Limits.statusConnections`
/// (a connection beyond is closed at once and counted), `Limits.httpBodyBytes` for a body and four times
/// that for all, half a minute for a request's headers, the same and 16 KiB a second for its body, and half
/// a minute of silence from a client that takes its answer.
package final class StatusServer: Sendable {
    /// In PEM, as it stands in the files.
    package struct Certificate: Sendable {
        package var chain: [UInt8]
        package var key: [UInt8]
        package init(chain: [UInt8], key: [UInt8]) {
            self.chain = chain
            self.key = key
        }
    }

    /// `host:port` in use.
    package let boundAddress: String
    private let port: HTTPPort
    private let sweeping: Sweeping

    /// Opens the port and answers at once.
    ///
    /// - Parameters:
    ///   - endpoint: `address` is `host:port`, `[v6]:port`; port 0 asks for a free one.
    ///   - token: what `Authorization: Bearer` must give, everywhere but on `/healthz` and `/readyz`;
    ///     nil: nothing.
    ///   - tls: what the port shows to its clients; nil: plain HTTP.
    ///   - requestSeconds: for a client to bring its request; other than 30 in tests.
    ///   - log: gets a sentence where the network's library complains, at most one a minute.
    package init(
        endpoint: Settings.Endpoint, token: String?, tls: Certificate? = nil, limits: Limits,
        source: any StatusSource,
        requestSeconds: Int = 30, log: @escaping @Sendable (String) -> Void
    ) throws(StatusError) {
        let listener = try ListenSocket(endpoint.address)
        boundAddress = listener.address
        let options = HTTPPort.Options(
            connections: limits.statusConnections, bodyBytes: limits.httpBodyBytes,
            requestSeconds: requestSeconds)
        port = HTTPPort(
            options: options,
            router: Router(source: source, token: token, bodyBytes: limits.httpBodyBytes),
            counters: source.counters, log: log)
        try port.start(listener, tls)
        sweeping = Sweeping(
            port.sockets, every: .milliseconds(requestSeconds * 1000 / HTTPPort.Options.ticksPerTimeout))
    }

    deinit { stop() }

    /// Closes the port and every connection; requests under way get no answer. Returns when the threads
    /// have ended, a matter of milliseconds. Does nothing the second time.
    package func stop() {
        port.stop()
    }

    /// Awaits, after `stop`, what was still being asked of the source. Its tasks were cancelled; a fit that
    /// does not look at that is waited for to its end.
    package func drain() async { await port.drain() }
}

/// Sweeps the table of sockets again and again, until it is let go.
private final class Sweeping: Sendable {
    private let sockets: SocketTable
    private let interval: DispatchTimeInterval
    private let queue = DispatchQueue(label: "roost.status.sweep")

    init(_ sockets: SocketTable, every interval: DispatchTimeInterval) {
        self.sockets = sockets
        self.interval = interval
        wait()
    }

    private func wait() {
        queue.asyncAfter(deadline: .now() + interval) { [weak self] in
            guard let self else { return }
            sockets.sweep()
            wait()
        }
    }
}
