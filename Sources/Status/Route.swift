import Core

/// The calls of the status port, told apart by path.
enum Route: Sendable, Equatable {
    case health
    case readiness
    case metrics
    case status
    case segments
    case users
    case user([UInt8])
    case models
    case model(String)
    case refit(String)
    case use(String)
    case triggers
    case deadLetters
    case events
    case erasure(String)
    case backup
    case analysis(String)
    /// In the contract and not in this version.
    case unbuilt(String)

    init(path: ArraySlice<UInt8>) throws(Refusal) {
        let text = String(decoding: path, as: UTF8.self)
        if let fixed = Route.fixed[text] {
            self = fixed
        } else if let id = path.suffix(after: "/v1/users/") {
            self = .user(try Route.decoded(id, as: "ID"))
        } else if let part = path.suffix(after: "/v1/erasures/") {
            self = .erasure(String(decoding: try Route.decoded(part, as: "RECEIPT"), as: UTF8.self))
        } else if let rest = path.suffix(after: "/v1/models/") {
            let parts = rest.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            let bytes = try Route.decoded(parts[0], as: "NAME")
            guard let name = String(validating: bytes, as: UTF8.self) else {
                throw .badParameter("NAME", "not UTF-8")
            }
            switch parts.count {
            case 1: self = .model(name)
            case 2 where parts[1].elementsEqual("refit".utf8): self = .refit(name)
            case 2 where parts[1].elementsEqual("use".utf8): self = .use(name)
            default: throw Route.unknown(text)
            }
        } else if let part = path.suffix(after: "/v1/analytics/") {
            self = .analysis(String(decoding: try Route.decoded(part, as: "NAME"), as: UTF8.self))
        } else {
            throw Route.unknown(text)
        }
    }

    private static let fixed: [String: Route] = [
        "/healthz": .health, "/readyz": .readiness, "/metrics": .metrics, "/v1/status": .status,
        "/v1/segments": .segments, "/v1/users": .users, "/v1/models": .models, "/v1/triggers": .triggers,
        "/v1/dead-letters": .deadLetters, "/v1/events": .events, "/v1/backup": .backup,
        "/": .unbuilt("the dashboard is"),
        "/v1/live": .unbuilt("the live stream is"),
    ]

    private static func decoded(_ part: ArraySlice<UInt8>, as name: String) throws(Refusal) -> [UInt8] {
        guard let bytes = percentDecoded(part) else {
            throw .badParameter(name, "% is not followed by two hexadecimal digits")
        }
        guard !bytes.isEmpty else { throw .badParameter(name, "is empty") }
        return bytes
    }

    private static func unknown(_ path: String) -> Refusal {
        Refusal(404, "unknown_path", "nothing is served at \(path.prefix(200))")
    }

    /// Methods it answers to, as `Allow` lists them.
    var methods: [String] {
        switch self {
        case .refit, .use, .events, .backup: ["POST"]
        case .user: ["GET", "HEAD", "DELETE"]
        default: ["GET", "HEAD"]
        }
    }

    /// Query parameters it knows; nil where strangers (probes, scrapers) may add their own.
    var parameters: [String]? {
        switch self {
        case .health, .readiness, .metrics, .unbuilt: nil
        case .segments: ["by"]
        case .users: ["segment", "by", "tier", "grade"]
        case .use: ["version"]
        case .triggers: ["after", "limit", "user", "type", "include_holdout", "include_stale"]
        case .deadLetters: ["after", "limit"]
        default: []
        }
    }

    /// Whether the answer knows its parameters, and not the route.
    var hasFreeParameters: Bool {
        if case .analysis = self { return true }
        return false
    }

    /// Answered without the token too, for probes.
    var isOpen: Bool { self == .health || self == .readiness }
}

extension ArraySlice<UInt8> {
    fileprivate func suffix(after prefix: String) -> ArraySlice<UInt8>? {
        starts(with: prefix.utf8) ? dropFirst(prefix.utf8.count) : nil
    }
}
