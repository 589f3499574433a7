import Core

let importCommand = Command(
    name: "import",
    summary: "Turns a table (CSV, TSV; gzip too) into event lines (NDJSON) on standard output.",
    operandsName: "FILE", operands: 0...1,
    options: [
        Option("--preset", "NAME", "One of \(Presets.names.joined(separator: ", ")), or custom."),
        Option("--mapping", "FILE", "custom: which columns feed which fields (JSON5)."),
        Option("--encoding", "NAME", "Of the file, such as euc-kr; default that of the preset."),
        Option("--services", "FILE", "lpoint: the file of services, merged in the order of time."),
        Option("--category-level", "LEVEL", "lpoint: large (default), middle or small."),
        Option("--groups", "FILE", "Category → group (JSON5): {\"Apparel\": \"clothes\", \"*\": \"other\"}."),
        Option("--age-edges", "N,N,…", "Raw ages become groups that begin at these: 20,30,40."),
        Option(switch: "--birth-years", "The column of ages has years of birth; with --age-edges."),
        Option("--timezone", "NAME", "Of local times; default that of the preset."),
        Option("--delimiter", "CHARACTER", "Or tab, or blanks; default what the first line has most of."),
        Option(switch: "--in-file-order", "Write as it is read: baskets' rows must stand together."),
        Option(switch: "--print-mapping", "Shows the preset's mapping, to start one's own from."),
    ],
    notes: """
        FILE - is standard input. Lines come in the order of time, whatever that of the file. A row that is no
        event is told on standard error by its line and the reason, and the import goes on; its exit code is 1 then.
        """
) { arguments in
    if arguments.has("--print-mapping") {
        guard let text = Presets.text(arguments.text("--preset") ?? "") else {
            throw UsageError(
                "--print-mapping wants --preset, one of \(Presets.names.joined(separator: ", "))")
        }
        try File(borrowing: 1).write(text)
        return ExitCode.done
    }
    let files = try importFiles(arguments)
    let tally = try runImport(files, inOrderOfFile: arguments.has("--in-file-order"))
    return tally.malformed == 0 ? ExitCode.done : ExitCode.failed
}

/// The files that the options name, with their mappings as the options change them.
func importFiles(_ arguments: Arguments) throws -> [ImportFile] {
    guard let path = arguments.operands.first else { throw UsageError("FILE is missing") }
    var mapping = try importMapping(arguments)
    var services = mapping.services.first
    mapping.services = []
    if let level = arguments.text("--category-level") {
        guard let columns = mapping.levels[level] else {
            let known = mapping.levels.keys.sorted().joined(separator: ", ")
            throw UsageError(
                "--category-level: \(known.isEmpty ? "this preset has no levels" : "one of \(known)")")
        }
        mapping.fields["item_category"] = columns
        mapping.optional.remove("item_category")
    }
    try adjust(&mapping, arguments)
    guard let second = arguments.text("--services") else { return [ImportFile(path: path, mapping: mapping)] }
    guard var other = services.take() else { throw UsageError("--services goes with the preset lpoint") }
    if path == "-", second == "-" { throw UsageError("only one of the files can be standard input") }
    try adjust(&other, arguments)
    return [ImportFile(path: path, mapping: mapping), ImportFile(path: second, mapping: other)]
}

private func importMapping(_ arguments: Arguments) throws -> ImportMapping {
    let known = "\(Presets.names.joined(separator: ", ")) or custom"
    guard let name = arguments.text("--preset") else { throw UsageError("--preset is missing: \(known)") }
    if name == "custom" {
        guard let path = arguments.text("--mapping") else {
            throw UsageError("--preset custom wants --mapping FILE")
        }
        return try MappingFile.load(path)
    }
    guard arguments.text("--mapping") == nil else { throw UsageError("--mapping goes with --preset custom") }
    guard let text = Presets.text(name) else {
        let near = Spelling.nearest(to: name, among: Presets.names)
        throw UsageError("no preset \(name); " + (near.map { "did you mean \($0)?" } ?? "there are \(known)"))
    }
    return try MappingFile.read(text)
}

/// What the options say beats the mapping.
private func adjust(_ mapping: inout ImportMapping, _ arguments: Arguments) throws {
    if let name = arguments.text("--encoding") {
        guard let encoding = TextEncoding(name) else {
            throw UsageError("--encoding: no encoding \"\(name)\" on this machine")
        }
        mapping.encoding = encoding
    }
    if let name = arguments.text("--timezone") {
        guard let zone = ZoneTable.zone(named: name) else {
            throw UsageError("--timezone: no time zone \"\(name)\" on this machine")
        }
        mapping.zone = zone
    }
    if let name = arguments.text("--delimiter") {
        guard let delimiter = Delimiter(name) else { throw UsageError("--delimiter: \(Delimiter.wanted)") }
        mapping.delimiter = delimiter
    }
    if let path = arguments.text("--groups") {
        mapping.values["item_category"] = try MappingFile.groups(path)
    }
    if let text = arguments.text("--age-edges") {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
            Int(String($0).trimmed)
        }
        guard let edges = Bands.edges(numbers.compactMap { $0 }), edges.count == numbers.count else {
            throw UsageError("--age-edges wants ascending whole numbers such as 20,30,40, not \(text)")
        }
        mapping.bands["age_band"] = Bands(edges: edges, birthYears: arguments.has("--birth-years"))
    } else if arguments.has("--birth-years") {
        throw UsageError("--birth-years goes with --age-edges")
    }
}

private func runImport(_ files: [ImportFile], inOrderOfFile: Bool) throws -> ImportTally {
    var out = OutputBuffer(descriptor: 1)
    let sizes = files.compactMap { File.size(of: $0.path) }
    let size = sizes.count == files.count ? sizes.reduce(0, +) : nil
    var bar = ProgressBar(total: size, unit: "rows")
    var work = Import(
        inOrderOfFile: inOrderOfFile,
        emit: { line throws(CommandFailure) in
            do throws(SystemFailure) {
                try out.reserve(line.count)
                out.append(line)
            } catch {
                throw CommandFailure("\(error)")
            }
        },
        complain: { sentence in
            bar.clear()
            Terminal.complain("\(Terminal.harmless(sentence))\n")
        },
        progress: { bytes, rows in bar.update(done: bytes, units: rows) })
    try work.run(files)
    try out.flush()
    bar.finish()
    let tally = work.tally
    Terminal.complain(
        "\(Readable.count(tally.rows)) rows, \(Readable.count(tally.events)) events, "
            + "\(Readable.count(tally.malformed)) malformed rows\n")
    return tally
}
