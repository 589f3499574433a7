import Core

/// Reads an HTTP/1.1 answer as it comes: status, headers, and the body by length, in chunks or to the end.
struct HTTPResponseDecoder {
    struct Failure: Error, Equatable {
        var reason: String
    }

    private enum State: Equatable {
        case head
        case body(left: Int)
        case untilClose
        case chunkSize
        case chunk(left: Int)
        case chunkEnd
        case trailer
        case done
    }

    private(set) var status = 0
    /// Names in lower case.
    private(set) var headers: [String: String] = [:]
    private var state = State.head
    private var pending: [UInt8] = []

    private static let longestHead = 64 << 10

    var isDone: Bool { state == .done }
    var hasHead: Bool { state != .head }

    /// - Returns: bytes of the body that have come to light.
    mutating func take(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        pending.append(contentsOf: bytes)
        var body: [UInt8] = []
        var used = 0
        while try step(&used, &body) {}
        pending.removeFirst(used)
        if pending.count > Self.longestHead, state == .head || state == .chunkSize || state == .trailer {
            throw Failure(reason: "a header without end")
        }
        return body
    }

    /// The other side has closed.
    mutating func end() throws(Failure) {
        if state == .untilClose { state = .done }
        guard state == .done else { throw Failure(reason: "the answer was cut off") }
    }

    /// One step where the pending bytes allow it.
    private mutating func step(_ used: inout Int, _ body: inout [UInt8]) throws(Failure) -> Bool {
        let available = pending.count - used
        switch state {
        case .done: return false
        case .body(let left), .chunk(let left):
            let count = min(left, available)
            body.append(contentsOf: pending[used..<used + count])
            used += count
            let rest = left - count
            if case .body = state {
                state = rest == 0 ? .done : .body(left: rest)
            } else {
                state = rest == 0 ? .chunkEnd : .chunk(left: rest)
            }
            return rest == 0
        case .untilClose:
            body.append(contentsOf: pending[used...])
            used = pending.count
            return false
        case .head, .chunkSize, .chunkEnd, .trailer:
            guard let newline = pending[used...].firstIndex(of: 0x0A) else { return false }
            var line = String(decoding: pending[used..<newline], as: UTF8.self)
            if line.hasSuffix("\r") { line.removeLast() }
            used = newline + 1
            try take(line: line)
            return true
        }
    }

    private mutating func take(line: String) throws(Failure) {
        switch state {
        case .head where status == 0:
            let parts = line.split(separator: " ", maxSplits: 2)
            guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let code = Int(parts[1]) else {
                throw Failure(reason: "not an HTTP answer")
            }
            status = code
        case .head where line.isEmpty: try beginBody()
        case .head:
            guard let colon = line.firstIndex(of: ":") else { throw Failure(reason: "a broken header") }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        case .chunkSize:
            guard let size = Int(line.prefix { $0 != ";" && $0 != " " }, radix: 16), size >= 0 else {
                throw Failure(reason: "a broken chunk")
            }
            state = size == 0 ? .trailer : .chunk(left: size)
        case .chunkEnd:
            guard line.isEmpty else { throw Failure(reason: "a broken chunk") }
            state = .chunkSize
        default: if line.isEmpty { state = .done }
        }
    }

    private mutating func beginBody() throws(Failure) {
        if status / 100 == 1 {
            status = 0
        } else if headers["transfer-encoding"]?.lowercased().contains("chunked") == true {
            state = .chunkSize
        } else if let text = headers["content-length"] {
            guard let length = Int(text), length >= 0 else { throw Failure(reason: "a broken length") }
            state = length == 0 ? .done : .body(left: length)
        } else {
            state = status == 204 || status == 304 ? .done : .untilClose
        }
    }
}

/// Asks the status port.
enum HTTPClient {
    /// - Parameter emit: called with the pieces of the body of a good answer.
    static func get(
        _ path: String, from address: ListenAddress, by access: Access = .plain,
        emit: ([UInt8]) throws -> Void
    ) throws {
        let head =
            "GET \(path) HTTP/1.1\r\nHost: \(address.host):\(address.port)\r\nUser-Agent: roost\r\n"
            + authorization(access) + "Accept: */*\r\nConnection: close\r\n\r\n"
        try ask(path, Array(head.utf8), of: address, by: access, emit: emit)
    }

    /// Sends a body; gives the tree of a good answer.
    static func post(
        _ path: String, _ body: [UInt8], to address: ListenAddress, by access: Access = .plain
    ) throws -> JSONValue {
        let head =
            "POST \(path) HTTP/1.1\r\nHost: \(address.host):\(address.port)\r\nUser-Agent: roost\r\n"
            + authorization(access)
            + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        var answer: [UInt8] = []
        try ask(path, Array(head.utf8) + body, of: address, by: access) { answer += $0 }
        return try Reply.tree(answer)
    }

    private static func authorization(_ access: Access) -> String {
        access.token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
    }

    private static func ask(
        _ path: String, _ request: [UInt8], of address: ListenAddress, by access: Access,
        emit: ([UInt8]) throws -> Void
    ) throws {
        let socket = try Socket(connecting: address, tls: access.tls)
        try socket.send(request)
        var decoder = HTTPResponseDecoder()
        var refusal: [UInt8] = []
        do {
            while !decoder.isDone {
                guard let bytes = try socket.receive() else {
                    try decoder.end()
                    break
                }
                let body = try decoder.take(bytes)
                if decoder.hasHead, decoder.status == 200 { try emit(body) } else { refusal += body }
            }
        } catch let failure as HTTPResponseDecoder.Failure {
            throw CommandFailure("\(path): \(failure.reason)")
        }
        guard decoder.status == 200 else { throw CommandFailure(reason(path, decoder.status, refusal)) }
    }

    static func getTree(
        _ path: String, from address: ListenAddress, by access: Access = .plain
    ) throws -> JSONValue {
        var body: [UInt8] = []
        try get(path, from: address, by: access) { body += $0 }
        return try Reply.tree(body)
    }

    private static func reason(_ path: String, _ status: Int, _ body: [UInt8]) -> String {
        do throws(CommandFailure) {
            if let detail = try Reply.tree(body)["error"]?["detail"]?.text {
                return "\(path): \(detail) (\(status))"
            }
        } catch {
            return "\(path): HTTP status \(status)"
        }
        return "\(path): HTTP status \(status)"
    }

    /// Percent-encodes everything but the unreserved characters of RFC 3986.
    static func encoded(_ text: String) -> String {
        var out = ""
        let digits = Array("0123456789ABCDEF")
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            if byte < 0x80,
                scalar.properties.isAlphabetic || (48...57).contains(byte) || "-._~".utf8.contains(byte)
            {
                out.unicodeScalars.append(scalar)
            } else {
                out += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return out
    }
}
