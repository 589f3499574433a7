extension Settings {
    /// Somewhere that triggers are delivered to besides the trigger port.
    package struct Sink: Sendable, Equatable {
        package enum Target: Sendable, Equatable {
            case tcp(TCPSink)
            case webhook(Webhook)
            case file(FileSink)
        }

        /// A sink that is new begins there.
        package enum Start: String, CaseIterable, Sendable {
            /// With what is recorded after it was first there.
            case now
            /// With the oldest trigger kept.
            case oldest
        }

        package var name: String
        package var target: Target
        /// Nil: all types.
        package var types: [String]?
        /// Also triggers of the control group, which are not to be sent.
        package var includeHoldout = false
        package var start = Start.now

        package init(name: String, target: Target) {
            self.name = name
            self.target = target
        }
    }

    /// A receiver that is connected to; NDJSON.
    package struct TCPSink: Sendable, Equatable {
        /// `host:port`; the host may be a name.
        package var address: String
        /// The receiver answers `{"$ack":{"seq":S}}`; without it what its kernel has taken counts.
        package var acknowledges = false
        /// The receiver must have taken something within this.
        package var timeout = 30 * Microseconds.second
        package init(address: String) { self.address = address }
    }

    /// A receiver of HTTP POST.
    package struct Webhook: Sendable, Equatable {
        package var url: String
        /// Triggers of one request; above 1 the body is an array.
        package var batch = 1
        /// Key of the signature; empty: none.
        package var secret = ""
        package var timeout = 10 * Microseconds.second
        /// What could not be delivered so long after it was recorded is given up.
        package var deadLetterAfter = 24 * Microseconds.hour
        /// File with the certificates trusted; empty: the system's.
        package var authorities = ""
        package init(url: String) { self.url = url }
    }

    /// A file that lines are appended to.
    package struct FileSink: Sendable, Equatable {
        package var path: String
        /// It is closed and numbered when it has grown to this.
        package var rotateBytes: Int64 = 64 << 20
        /// So many closed ones are kept.
        package var keep = 10
        package init(path: String) { self.path = path }
    }
}

extension Settings {
    /// What is wrong with the sinks taken together.
    var sinkConflicts: [SettingsConflict] {
        var conflicts: [SettingsConflict] = []
        var names: Set<String> = []
        var paths: Set<String> = []
        for (index, sink) in sinks.enumerated() {
            if !names.insert(sink.name).inserted {
                conflicts.append(
                    .init("sinks.\(index)", "another sink is named \"\(sink.name)\", too; give it a name"))
            }
            if case .file(let file) = sink.target, !paths.insert(file.path).inserted {
                conflicts.append(.init("sinks.\(index)", "another sink writes to \(file.path), too"))
            }
        }
        if sinks.count > limits.sinks {
            conflicts.append(
                .init("sinks", "there are \(sinks.count); at most limits.sinks, \(limits.sinks), are served"))
        }
        if limits.sinkRetryLeast > limits.sinkRetryMost {
            conflicts.append(
                .init(
                    "limits.sink_retry_least",
                    "\(DurationText.text(limits.sinkRetryLeast)) must be at most limits.sink_retry_most, "
                        + DurationText.text(limits.sinkRetryMost)))
        }
        return conflicts
    }
}

// MARK: As a file gives them

extension JSONValue {
    func asSinks() throws(SettingRefusal) -> [Settings.Sink] {
        guard case .array(let elements) = self else {
            throw SettingRefusal(
                "must be a list such as [{type: \"tcp\", address: \"crm.example:9100\"}], not \(kindText)")
        }
        var sinks: [Settings.Sink] = []
        for (index, element) in elements.enumerated() {
            do throws(SettingRefusal) { sinks.append(try element.asSink()) } catch {
                throw SettingRefusal(error.reason, below: ["\(index)"] + error.below)
            }
        }
        return sinks
    }

    private func asSink() throws(SettingRefusal) -> Settings.Sink {
        guard case .object(let members) = self else {
            throw SettingRefusal("must be an object with a type, not \(kindText)")
        }
        for (index, member) in members.enumerated()
        where members[..<index].contains(where: { $0.key == member.key }) {
            throw SettingRefusal("given twice", below: [member.key])
        }
        var reader = SinkReader(members: members.filter { $0.value != .null })
        let sink = try reader.sink()
        if let other = members.first(where: { !reader.known.contains($0.key) }) {
            throw SettingRefusal(
                "unknown key; this sink has \(reader.known.joined(separator: ", "))", below: [other.key])
        }
        return sink
    }
}

/// Takes the members of one sink, and notes which there may be.
private struct SinkReader {
    let members: [JSONValue.Member]
    private(set) var known: [String] = []

    init(members: [JSONValue.Member]) { self.members = members }

    mutating func sink() throws(SettingRefusal) -> Settings.Sink {
        let type = try text("type")
        var sink: Settings.Sink
        switch type {
        case "tcp": sink = try tcp()
        case "webhook": sink = try webhook()
        case "file": sink = try file()
        case nil: throw SettingRefusal("a sink needs a type: \"tcp\", \"webhook\" or \"file\"")
        default:
            throw SettingRefusal(
                "must be \"tcp\", \"webhook\" or \"file\", not \"\(type ?? "")\"", below: ["type"])
        }
        if let name = try text("name") {
            guard (1...100).contains(name.utf8.count), !name.contains(where: \.isNewline) else {
                throw SettingRefusal("must be 1 to 100 bytes in one line", below: ["name"])
            }
            sink.name = name
        }
        sink.types = try value("types") { (value) throws(SettingRefusal) in try value.asTypes() }
        sink.includeHoldout = try flag("include_holdout") ?? false
        if let start = try text("from") {
            guard let known = Settings.Sink.Start(rawValue: start) else {
                throw SettingRefusal("must be \"now\" or \"oldest\", not \"\(start)\"", below: ["from"])
            }
            sink.start = known
        }
        return sink
    }

    private mutating func tcp() throws(SettingRefusal) -> Settings.Sink {
        let address = try needed("address", of: "tcp", such: "\"crm.example:9100\"")
        if let reason = ListenAddress.reasonAgainst(address) {
            throw SettingRefusal(reason, below: ["address"])
        }
        if ListenAddress(address)?.port == 0 {
            throw SettingRefusal("\(address) wants a port to connect to", below: ["address"])
        }
        var target = Settings.TCPSink(address: address)
        target.acknowledges = try flag("ack") ?? target.acknowledges
        target.timeout = try duration("timeout", Self.timeouts) ?? target.timeout
        return Settings.Sink(name: "tcp:\(address)", target: .tcp(target))
    }

    private mutating func webhook() throws(SettingRefusal) -> Settings.Sink {
        let url = try needed("url", of: "webhook", such: "\"https://crm.example/triggers\"")
        let rest = ["https://", "http://"].first(where: url.hasPrefix).map { url.dropFirst($0.count) }
        guard let rest, let first = rest.first, first != "/",
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw SettingRefusal(
                "must be https://HOST… or http://HOST…, not \"\(url)\"", below: ["url"])
        }
        var target = Settings.Webhook(url: url)
        target.batch = Int(try number("batch", 1...1000) ?? Int64(target.batch))
        target.secret = try text("secret") ?? target.secret
        target.timeout = try duration("timeout", Self.timeouts) ?? target.timeout
        target.deadLetterAfter =
            try duration("dead_letter_after", Microseconds.second...366 * Microseconds.day)
            ?? target.deadLetterAfter
        target.authorities = try text("ca_file") ?? target.authorities
        // What stands before an @ or after a ? may be secret, and names are shown.
        let plain = url.prefix { $0 != "?" && $0 != "#" }
        let scheme = plain.prefix(url.count - rest.count)
        let named = scheme + (plain.dropFirst(scheme.count).split(separator: "@").last ?? "")
        return Settings.Sink(name: "webhook:\(named.prefix(90))", target: .webhook(target))
    }

    private mutating func file() throws(SettingRefusal) -> Settings.Sink {
        let path = try needed("path", of: "file", such: "\"/var/log/roost/triggers.ndjson\"")
        if path.isEmpty || path.hasSuffix("/") {
            throw SettingRefusal("must be the path of a file, not \"\(path)\"", below: ["path"])
        }
        var target = Settings.FileSink(path: path)
        target.rotateBytes = try number("rotate_bytes", 1024...1 << 44) ?? target.rotateBytes
        target.keep = Int(try number("keep", 0...10_000) ?? Int64(target.keep))
        return Settings.Sink(name: "file:\(path.prefix(90))", target: .file(target))
    }

    private static let timeouts = 10_000...Microseconds.hour

    // MARK: Members

    private mutating func value<Value>(
        _ key: String, _ read: (JSONValue) throws(SettingRefusal) -> Value
    ) throws(SettingRefusal) -> Value? {
        known.append(key)
        guard let member = members.first(where: { $0.key == key }) else { return nil }
        do throws(SettingRefusal) { return try read(member.value) } catch {
            throw SettingRefusal(error.reason, below: [key] + error.below)
        }
    }

    private mutating func text(_ key: String) throws(SettingRefusal) -> String? {
        try value(key) { (value) throws(SettingRefusal) in try value.asText() }
    }

    private mutating func needed(
        _ key: String, of type: String, such example: String
    ) throws(SettingRefusal) -> String {
        guard let text = try text(key) else {
            throw SettingRefusal("a sink of type \"\(type)\" needs \(key), such as \(example)")
        }
        return text
    }

    private mutating func flag(_ key: String) throws(SettingRefusal) -> Bool? {
        try value(key) { (value) throws(SettingRefusal) in
            guard case .bool(let flag) = value else {
                throw SettingRefusal("must be true or false, not \(value.kindText)")
            }
            return flag
        }
    }

    private mutating func number(
        _ key: String, _ range: ClosedRange<Int64>
    ) throws(SettingRefusal) -> Int64? {
        try value(key) { (value) throws(SettingRefusal) in try value.asInteger(in: range) }
    }

    private mutating func duration(
        _ key: String, _ range: ClosedRange<Int64>
    ) throws(SettingRefusal) -> Int64? {
        try value(key) { (value) throws(SettingRefusal) in try value.asDuration(in: range) }
    }
}

extension JSONValue {
    fileprivate func asTypes() throws(SettingRefusal) -> [String] {
        guard case .array(let elements) = self, !elements.isEmpty else {
            throw SettingRefusal("must be a list of types of triggers, at least one")
        }
        var types: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let type) = element, !type.isEmpty else {
                throw SettingRefusal("must be a type of trigger", below: ["\(index)"])
            }
            types.append(type)
        }
        return types
    }
}

extension Settings.Sink {
    /// As a file would give it.
    var tree: JSONValue {
        var members: [JSONValue.Member] = [.init("name", .string(name))]
        switch target {
        case .tcp(let tcp):
            members += [
                .init("type", .string("tcp")), .init("address", .string(tcp.address)),
                .init("ack", .bool(tcp.acknowledges)),
                .init("timeout", .string(DurationText.text(tcp.timeout))),
            ]
        case .webhook(let webhook):
            members += [
                .init("type", .string("webhook")), .init("url", .string(webhook.url)),
                .init("batch", .integer(Int64(webhook.batch))), .init("secret", .string(webhook.secret)),
                .init("timeout", .string(DurationText.text(webhook.timeout))),
                .init("dead_letter_after", .string(DurationText.text(webhook.deadLetterAfter))),
                .init("ca_file", .string(webhook.authorities)),
            ]
        case .file(let file):
            members += [
                .init("type", .string("file")), .init("path", .string(file.path)),
                .init("rotate_bytes", .integer(file.rotateBytes)),
                .init("keep", .integer(Int64(file.keep))),
            ]
        }
        members += [
            .init("types", types.map { .strings($0) } ?? .null),
            .init("include_holdout", .bool(includeHoldout)), .init("from", .string(start.rawValue)),
        ]
        return .object(members)
    }

    /// Of its target, as the configuration has it.
    package var typeText: String {
        switch target {
        case .tcp: "tcp"
        case .webhook: "webhook"
        case .file: "file"
        }
    }
}
