import Core

let statusCommand = Command(
    name: "status", summary: "Shows how a daemon is doing.",
    options: [
        Option("--address", "HOST:PORT", "Status port; default 127.0.0.1:7003."),
        Option(switch: "--json", "The answers as they are, {\"status\":…,\"segments\":…}."),
    ] + Access.options
) { arguments in
    let address = try arguments.address("--address", default: Settings().listen.status.address)
    let access = try Access(arguments)
    let status = try HTTPClient.getTree("/v1/status", from: address, by: access)
    let segments = try HTTPClient.getTree("/v1/segments", from: address, by: access)
    let output = File(borrowing: 1)
    if arguments.has("--json") {
        var writer = JSONWriter()
        writer.value(JSONValue.object([.init("status", status), .init("segments", segments)]))
        writer.newline()
        try output.write(writer.bytes)
    } else {
        try output.write(StatusSummary.text(status, segments, coloured: Terminal.outputIsTerminal))
    }
    return ExitCode.done
}

let exportCommand = Command(
    name: "export", summary: "Writes every user as a line of JSON.",
    options: [
        Option("--address", "HOST:PORT", "Status port; default 127.0.0.1:7003."),
        Option("--segment", "NAME", "Only this segment."),
    ] + Access.options
) { arguments in
    let address = try arguments.address("--address", default: Settings().listen.status.address)
    let query = arguments.text("--segment").map { "?segment=\(HTTPClient.encoded($0))" } ?? ""
    let output = File(borrowing: 1)
    try HTTPClient.get("/v1/users\(query)", from: address, by: try Access(arguments)) { try output.write($0) }
    return ExitCode.done
}

/// `/v1/status` and `/v1/segments` for a person.
enum StatusSummary {
    static func text(_ status: JSONValue, _ segments: JSONValue, coloured: Bool) -> String {
        let rows =
            daemon(status) + [("ingest", counts(status["ingest"]))]
            + [("rejected", nonZero(status["rejected_by"]))].filter { !$0.1.isEmpty }
            + [
                ("users", "\(count(status["users"])) in \(count(status["partitions"])) partitions"),
                ("journal", journal(status["journal"])), ("outbox", outbox(status["outbox"])),
            ] + models(status["models"])
        let width = max(12, (rows.map(\.0.count).max() ?? 0) + 1)
        let table = rows.map { name, value in
            Terminal.styled(Help.padded(name, width), .bold, when: coloured) + value + "\n"
        }
        return table.joined() + segmentTable(segments, coloured: coloured)
    }

    private static func daemon(_ status: JSONValue) -> [(String, String)] {
        let clock = status["clock"]
        return [
            (
                "roost",
                "\(status["version"]?.text ?? "?"), up \(Readable.seconds(status["uptime_s"]?.real ?? 0)), "
                    + "\(Readable.bytes(status["memory_bytes"]?.whole ?? 0)) of memory"
            ),
            (
                "clock",
                "\(clock?["mode"]?.text ?? "?"), now \(clock?["now"]?.text ?? "none"), "
                    + "watermark \(clock?["watermark"]?.text ?? "none")"
            ),
        ]
    }

    private static func count(_ value: JSONValue?) -> String { Readable.count(value?.whole ?? 0) }

    /// `1,234 lines, 1,200 events, …` of an object of numbers.
    private static func counts(_ object: JSONValue?) -> String {
        let members = object?.members ?? []
        return members.compactMap { member in
            guard let number = member.value.whole else { return nil }
            if member.key == "bytes" { return Readable.bytes(number) }
            return "\(Readable.count(number)) \(member.key.replacing("_", with: " "))"
        }.joined(separator: ", ")
    }

    private static func nonZero(_ object: JSONValue?) -> String {
        let members = (object?.members ?? []).filter { ($0.value.whole ?? 0) > 0 }
        return members.map { "\(Readable.count($0.value.whole ?? 0)) \($0.key)" }.joined(separator: ", ")
    }

    private static func journal(_ journal: JSONValue?) -> String {
        let segments = journal?["segments"]?.whole ?? 0
        return "\(Readable.bytes(journal?["bytes"]?.whole ?? 0)) in \(count(journal?["segments"])) "
            + "segment\(segments == 1 ? "" : "s"), records \(count(journal?["first_record"])) "
            + "to \(count(journal?["last_record"]))"
    }

    private static func outbox(_ outbox: JSONValue?) -> String {
        "last trigger \(count(outbox?["last_seq"])), \(count(outbox?["subscribers"])) subscribers"
    }

    private static func models(_ models: JSONValue?) -> [(String, String)] {
        (models?.members ?? []).map { model in
            let version = model.value["version"]?.whole ?? 0
            let adopted = model.value["adopted"] == .bool(true) ? "in use" : "not in use"
            return (
                model.key,
                "version \(version), \(adopted), fitted \(model.value["fitted_at"]?.text ?? "never")"
            )
        }
    }

    private static func segmentTable(_ segments: JSONValue, coloured: Bool) -> String {
        let rows = segments["segments"]?.elements ?? []
        guard !rows.isEmpty else { return "" }
        let heading = "\nsegment             users    share  converted"
        return Terminal.styled(heading, .bold, when: coloured) + "\n"
            + rows.map { row in
                let name = Help.padded(Terminal.harmless(row["name"]?.text ?? "?"), 14)
                return name + right(count(row["users"]), 11)
                    + right(Readable.percent(row["share"]?.real ?? 0), 9)
                    + right(Readable.percent(row["converted_rate"]?.real ?? 0), 11) + "\n"
            }.joined()
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
