import Core

/// What the port looks at before a request's body has come.
struct RequestHead: Sendable {
    var method: String
    /// The request target as the client wrote it: path, query, nothing decoded.
    var target: [UInt8]
    var authorization: String?
    var contentEncoding: String?
    /// Tags of what the client already has.
    var ifNoneMatch: String?
    /// Bytes the client announces; nil where it sends chunks or nothing.
    var contentLength: Int?
}

/// An answer, whole or in pieces.
struct HTTPResponse: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        case pieces(PieceStream)
    }

    struct Header: Sendable {
        var name: String
        var value: String
    }

    var status = 200
    var contentType = "application/json"
    var headers: [Header] = []
    var cacheControl = "no-store"
    /// Nobody gets the body.
    var isHead = false
    var body: Body

    init(status: Int = 200, json: [UInt8]) {
        self.status = status
        body = .bytes(json)
    }

    init(text: [UInt8], contentType: String) {
        self.contentType = contentType
        body = .bytes(text)
    }

    init(pieces: any PieceSource, contentType: String = "application/json") {
        self.contentType = contentType
        body = .pieces(PieceStream(pieces))
    }

    init(_ refusal: Refusal) {
        status = refusal.failure.httpStatus
        headers = refusal.headers
        body = .bytes(
            jsonBytes { json in
                json.beginObject()
                json.key("error")
                json.beginObject()
                json.key("code")
                json.value(refusal.failure.code)
                json.key("detail")
                json.value(refusal.failure.detail)
                json.endObject()
                json.endObject()
            })
    }

    /// Gives back what an answer that nobody will read holds.
    func abandon() {
        if case .pieces(let stream) = body { stream.end() }
    }
}

/// A request that gets no answer of its own, with the headers that belong to saying so.
struct Refusal: Error {
    var failure: StatusFailure
    var headers: [HTTPResponse.Header] = []

    init(_ failure: StatusFailure) { self.failure = failure }

    init(_ status: Int, _ code: String, _ detail: String, header: HTTPResponse.Header? = nil) {
        failure = StatusFailure(httpStatus: status, code: code, detail: detail)
        if let header { headers = [header] }
    }

    static func badParameter(_ name: String, _ why: String) -> Refusal {
        Refusal(400, "bad_parameter", "\(name): \(why)")
    }

    static let busy = Refusal(
        503, "busy", "too many bodies are being received; try again",
        header: .init(name: "Retry-After", value: "1"))

    static let stopping = Refusal(503, "stopping", "the daemon is shutting down")
}

/// One JSON document, ended by a newline.
func jsonBytes(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
    var json = JSONWriter()
    write(&json)
    json.newline()
    return json.bytes
}
