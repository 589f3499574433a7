import Core

let tailCommand = Command(
    name: "tail", summary: "Follows the triggers.",
    options: [
        Option("--from", "SEQ", "Begins with this number; default with what comes from now on."),
        Option("--consumer", "NAME", "Begins where this name left off, and moves its cursor."),
        Option("--type", "T", repeats: true, "Only this type; may be given several times."),
        Option("--address", "HOST:PORT", "Trigger port; default 127.0.0.1:7002."),
    ] + Access.options,
    notes: "Lines of JSON; on a terminal a table."
) { arguments in
    let address = try arguments.address("--address", default: Settings().listen.triggers.address)
    let from = try arguments.integer("--from", in: 1...Int64.max)
    let consumer = arguments.text("--consumer")
    if from != nil, consumer != nil { throw UsageError("--from and --consumer exclude each other") }
    let types = arguments.texts("--type").flatMap { $0.split(separator: ",").map(String.init) }
    let access = try Access(arguments)
    let socket = try Socket(connecting: address, tls: access.tls)
    let opening = TailOpening(from: from, consumer: consumer, types: types, token: access.token)
    try socket.send(Array((opening.line + "\n").utf8))
    try follow(socket, acknowledging: consumer != nil, only: types)
    return ExitCode.done
}

/// What is said first on the trigger port.
struct TailOpening {
    var from: Int64?
    var consumer: String?
    var types: [String]
    var token: String?

    var line: String {
        var writer = JSONWriter()
        writer.beginObject()
        if let consumer {
            writer.key("$consumer" as StaticString)
            writer.beginObject()
            writer.key("name" as StaticString)
            writer.value(consumer)
            writeTypes(&writer)
        } else if let from {
            writer.key("$resume" as StaticString)
            writer.beginObject()
            writer.key("after" as StaticString)
            writer.value(from - 1)
            writeTypes(&writer)
        } else {
            // Takes no types; `follow` filters.
            writer.key("$tail" as StaticString)
            writer.beginObject()
        }
        if let token {
            writer.key("token" as StaticString)
            writer.value(token)
        }
        writer.endObject()
        writer.endObject()
        return writer.text
    }

    private func writeTypes(_ writer: inout JSONWriter) {
        guard !types.isEmpty else { return }
        writer.key("types" as StaticString)
        writer.value(JSONValue.strings(types))
    }
}

private func follow(_ socket: borrowing Socket, acknowledging: Bool, only types: [String]) throws {
    let asTable = Terminal.outputIsTerminal
    let output = File(borrowing: 1)
    var cutter = LineCutter()
    if asTable { try output.write(TriggerTable.heading) }
    while let bytes = try socket.receive() {
        var out: [UInt8] = []
        var last: Int64?
        for line in cutter.take(bytes) {
            let tree = try Reply.tree(line)
            if let error = tree["$error"] {
                try output.write(out)
                throw CommandFailure(errorText(error))
            }
            guard let seq = tree["seq"]?.whole else { continue }
            last = seq
            guard types.isEmpty || types.contains(tree["type"]?.text ?? "") else { continue }
            out += asTable ? Array(TriggerTable.row(tree).utf8) : line + [0x0A]
        }
        try output.write(out)
        if acknowledging, let last { try socket.send(Array("{\"$ack\":{\"seq\":\(last)}}\n".utf8)) }
    }
}

private func errorText(_ error: JSONValue) -> String {
    let code = error["code"]?.text ?? "error"
    guard let oldest = error["oldest"]?.whole, let last = error["last"]?.whole else {
        return "\(code): \(Terminal.harmless(error["detail"]?.text ?? ""))"
    }
    return "\(code): kept are \(oldest) to \(last)"
}

/// Triggers for a person.
enum TriggerTable {
    private static let widths = (seq: 8, at: 20, type: 20, user: 26, segment: 10)

    static var heading: String {
        let cells = [
            Help.padded("seq", widths.seq), Help.padded("at", widths.at), Help.padded("type", widths.type),
            Help.padded("user", widths.user), Help.padded("segment", widths.segment), "",
        ]
        return Terminal.styled(cells.joined(separator: "  "), .bold, when: true) + "\n"
    }

    static func row(_ trigger: JSONValue, coloured: Bool = true) -> String {
        func text(_ key: String) -> String { Terminal.harmless(trigger[key]?.text ?? "") }
        let type = text("type")
        let cells = [
            Terminal.styled(
                Help.padded("\(trigger["seq"]?.whole ?? 0)", widths.seq), .faint, when: coloured),
            Help.padded(text("at"), widths.at),
            Terminal.styled(Help.padded(type, widths.type), style(of: type), when: coloured),
            Help.padded(text("user"), widths.user), Help.padded(text("segment"), widths.segment),
            details(trigger),
        ]
        return cells.joined(separator: "  ") + "\n"
    }

    private static func style(of type: String) -> Terminal.Style {
        switch type {
        case "retracted", "erased", "bot_suspected": .red
        case "churned", "churn_risk", "win_back", "dormant", "onboarding_stalled": .yellow
        case "welcome", "repurchase_due", "high_intent": .green
        case "segment_moved", "tier_changed": .blue
        default: .cyan
        }
    }

    private static func details(_ trigger: JSONValue) -> String {
        var parts: [String] = []
        if let from = trigger["from"]?.text, let to = trigger["to"]?.text { parts.append("\(from) → \(to)") }
        if let predicted = trigger["predicted"], let date = predicted["date"]?.text {
            parts.append("\(date) (\(predicted["p10"]?.text ?? "?") to \(predicted["p90"]?.text ?? "?"))")
        }
        if let seq = trigger["retracts"]?.whole { parts.append("withdraws \(seq)") }
        if let group = trigger["group"]?.text, group != "treated" { parts.append(group) }
        if let message = trigger["message"]?.text { parts.append(message) }
        let items = trigger["items"]?.elements.compactMap { $0["item_id"]?.text } ?? []
        if !items.isEmpty { parts.append(items.joined(separator: " ")) }
        return Terminal.harmless(parts.joined(separator: "; "))
    }
}
