import CCurl
import Core
import Synchronization

/// Posts triggers as JSON. Delivered is what the receiver answers with 2xx; anything else is tried again, until
/// it is given up.
final class WebhookDelivery: SinkDelivery {
    let most: Int
    let deadLetterAfter: Int64?
    private let target: Settings.Webhook
    private let client: WebhookClient

    init(_ target: Settings.Webhook) {
        self.target = target
        most = target.batch
        deadLetterAfter = target.deadLetterAfter
        client = WebhookClient()
    }

    /// Goes over a network in the clear.
    static func isOpen(_ url: String) -> Bool {
        guard url.hasPrefix("http://") else { return false }
        let authority = url.dropFirst("http://".count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let host = authority.split(separator: "@").last ?? authority
        return !["localhost", "127.", "[::1]"].contains { host.hasPrefix($0) }
    }

    func interrupt() { client.stop() }
    func close() {}

    func deliver(_ batch: borrowing SinkBatch) throws(SinkFailure) {
        let body = Self.body(of: batch, isArray: target.batch > 1)
        var headers = [
            "Content-Type: application/json", "User-Agent: roost", "Idempotency-Key: \(batch.key)",
            // What libcurl would add: it waits a second for who does not answer it.
            "Expect:",
        ]
        if !target.secret.isEmpty {
            headers.append(
                "X-Roost-Signature: sha256=\(Signature.text(of: body, key: Array(target.secret.utf8)))")
        }
        let answer = client.post(
            body, to: target.url, headers: headers, timeoutMilliseconds: Int(target.timeout / 1000),
            authorities: target.authorities.isEmpty ? nil : target.authorities)
        guard answer.status != 0 else { throw SinkFailure(answer.reason) }
        guard (200..<300).contains(answer.status) else {
            throw SinkFailure(
                "the receiver answered \(answer.status)", wait: answer.retryAfter * Microseconds.second)
        }
    }

    /// One trigger's object, or an array of them: lines with commas for newlines.
    static func body(of batch: borrowing SinkBatch, isArray: Bool) -> [UInt8] {
        var body = batch.lines
        if body.last == 0x0A { body.removeLast() }
        guard isArray else { return body }
        for index in body.indices where body[index] == 0x0A { body[index] = UInt8(ascii: ",") }
        return [UInt8(ascii: "[")] + body + [UInt8(ascii: "]")]
    }
}

/// libcurl's handle with its connection.
final class WebhookClient: Sendable {
    struct Answer {
        /// HTTP status; 0 where none came.
        var status: Int
        /// Seconds.
        var retryAfter: Int64
        var reason: String
    }

    /// Used by one queue, but for `stop`, which the C side makes safe.
    private let handle: Mutex<Handle>
    private let stopping: Stopping

    private struct Handle: ~Copyable {
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { self.pointer = pointer }
        deinit { webhook_client_free(pointer) }
    }

    /// The same pointer, for the one call that may come while another blocks. It stays valid as long as the
    /// client does, and the C side sets an atomic flag and nothing else.
    private struct Stopping: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    init() {
        guard let made = webhook_client_make() else { preconditionFailure("libcurl has no memory") }
        stopping = Stopping(pointer: made)
        handle = Mutex(Handle(made))
    }

    func stop() { webhook_client_stop(stopping.pointer) }

    func post(
        _ body: [UInt8], to url: String, headers: [String], timeoutMilliseconds: Int, authorities: String?
    ) -> Answer {
        handle.withLock { handle in
            var answer = webhook_answer()
            Self.withTexts(headers) { headers in
                url.withCString { url in
                    Self.withText(authorities) { authorities in
                        body.withUnsafeBytes { body in
                            var request = webhook_request()
                            request.url = url
                            request.body = body.baseAddress?.assumingMemoryBound(to: CChar.self)
                            request.body_length = body.count
                            request.headers = headers.baseAddress
                            request.headers_count = headers.count
                            request.timeout = timeoutMilliseconds
                            request.authorities = authorities
                            webhook_client_post(handle.pointer, &request, &answer)
                        }
                    }
                }
            }
            let reason = withUnsafeBytes(of: answer.reason) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            return Answer(status: answer.status, retryAfter: answer.retry_after, reason: reason)
        }
    }

    private static func withText(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Void) {
        if let text { text.withCString { body($0) } } else { body(nil) }
    }

    /// The texts one behind the other with a zero byte each, and where each begins.
    private static func withTexts(
        _ texts: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Void
    ) {
        var joined: [CChar] = []
        for text in texts { joined += text.utf8.map { CChar(bitPattern: $0) } + [0] }
        joined.withUnsafeBufferPointer { joined in
            var starts: [UnsafePointer<CChar>?] = []
            var offset = 0
            for text in texts {
                starts.append(joined.baseAddress.map { $0 + offset })
                offset += text.utf8.count + 1
            }
            starts.withUnsafeBufferPointer(body)
        }
    }
}
