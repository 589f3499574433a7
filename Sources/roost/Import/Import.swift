import Core

/// One file of an import and how it is read.
struct ImportFile {
    var path: String
    var mapping: ImportMapping
}

/// What came of an import.
struct ImportTally: Equatable {
    var rows: Int64 = 0
    var events: Int64 = 0
    var malformed: Int64 = 0
}

/// Reads delimited files row by row and hands out the lines of their events: in the order of time, through
/// sorted runs on disk where they do not fit into memory, or in the order of the file.
struct Import: ~Copyable {
    private let inOrderOfFile: Bool
    private let emit: ([UInt8]) throws(CommandFailure) -> Void
    private let complain: (String) -> Void
    private let progress: (_ bytes: Int64, _ rows: Int64) -> Void
    private var byBasket: SortedRuns
    private var byTime: SortedRuns
    /// The basket that is being put together.
    private var open: (event: ImportedEvent, file: Int, line: Int)?
    private var paths: [String] = []
    /// Bytes of the files that are read.
    private var bytesBefore: Int64 = 0
    private(set) var tally = ImportTally()

    /// The daemon refuses a longer line.
    private static let lineBytesMax = Settings().limits.lineBytes

    /// - Parameters:
    ///   - inOrderOfFile: lines come as they are read; the rows of a basket must stand together.
    ///   - sortBytesMax: memory of each of the two sorts.
    ///   - emit: gets each line with its newline.
    ///   - complain: gets a sentence on each row that is not an event.
    ///   - progress: bytes and rows read, now and then.
    init(
        inOrderOfFile: Bool = false, sortBytesMax: Int = 128 << 20,
        emit: @escaping ([UInt8]) throws(CommandFailure) -> Void, complain: @escaping (String) -> Void,
        progress: @escaping (_ bytes: Int64, _ rows: Int64) -> Void = { _, _ in }
    ) {
        self.inOrderOfFile = inOrderOfFile
        self.emit = emit
        self.complain = complain
        self.progress = progress
        byBasket = SortedRuns(bytesMax: sortBytesMax)
        byTime = SortedRuns(bytesMax: sortBytesMax)
    }

    mutating func run(_ files: [ImportFile]) throws(CommandFailure) {
        paths = files.map(\.path)
        for (number, file) in files.enumerated() { try read(file, number) }
        try finish()
    }

    // MARK: Reading

    private mutating func read(_ file: ImportFile, _ number: Int) throws(CommandFailure) {
        var source = try TextSource(path: file.path, encoding: file.mapping.encoding)
        var reader = RowReader(delimiter: file.mapping.delimiter)
        var row = DelimitedRow()
        var interpreter: RowInterpreter?
        while true {
            switch reader.next(&row) {
            case .row:
                if interpreter == nil {
                    interpreter = try begin(file, row)
                    if file.mapping.columns.isEmpty { continue }
                }
                tally.rows += 1
                if let interpreter { try take(row, interpreter, number) }
            case .malformed(let line, let reason):
                tally.rows += 1
                report(number, line, reason)
            case .needsMore:
                progress(bytesBefore + source.position, tally.rows)
                try reader.fill { output throws(CommandFailure) in try source.read(into: &output) }
            case .end:
                if interpreter == nil { throw CommandFailure("\(file.path) is empty") }
                bytesBefore += source.position
                progress(bytesBefore, tally.rows)
                return
            }
        }
    }

    private func begin(_ file: ImportFile, _ row: DelimitedRow) throws(CommandFailure) -> RowInterpreter {
        var names = (0..<row.count).map { row.text($0) }
        if !file.mapping.columns.isEmpty {
            guard let given = file.mapping.columns.first(where: { $0.count == row.count }) else {
                let counts = file.mapping.columns.map { "\($0.count)" }.joined(separator: " or ")
                throw CommandFailure("\(file.path): line \(row.line) has \(row.count) fields, not \(counts)")
            }
            names = given
        }
        do throws(CommandFailure) {
            return try RowInterpreter(file.mapping, names: names)
        } catch {
            throw CommandFailure("\(file.path): \(error.reason)")
        }
    }

    private mutating func take(
        _ row: DelimitedRow, _ interpreter: RowInterpreter, _ file: Int
    ) throws(CommandFailure) {
        let event: ImportedEvent
        do throws(RowProblem) {
            event = try interpreter.event(row)
        } catch {
            return report(file, row.line, error.reason)
        }
        if event.basket.isEmpty {
            try closeBasket()
            try pass(event, file, row.line)
        } else if inOrderOfFile {
            try join(event, file, row.line)
        } else {
            try byBasket.add(
                key: [UInt8(file)] + event.basket, payload: event.encoded(line: row.line))
        }
    }

    private mutating func report(_ file: Int, _ line: Int, _ reason: String) {
        tally.malformed += 1
        complain("\(paths[file]): line \(line): \(reason)")
    }

    // MARK: Writing

    /// Rows of one basket come one after the other.
    private mutating func join(
        _ event: ImportedEvent, _ file: Int, _ line: Int
    ) throws(CommandFailure) {
        if open != nil, open?.file == file, open?.event.basket == event.basket {
            open?.event.add(event)
            return
        }
        try closeBasket()
        open = (event, file, line)
    }

    private mutating func closeBasket() throws(CommandFailure) {
        guard let basket = open else { return }
        open = nil
        try pass(basket.event, basket.file, basket.line)
    }

    private mutating func pass(
        _ event: ImportedEvent, _ file: Int, _ line: Int
    ) throws(CommandFailure) {
        let bytes = event.line
        guard bytes.count <= Self.lineBytesMax else {
            return report(file, line, "its event has \(bytes.count) bytes, more than a line may have")
        }
        tally.events += 1
        if inOrderOfFile { return try emit(bytes) }
        // Time, then file and line, so that events of one instant stay as they were.
        var key: [UInt8] = []
        key.reserveCapacity(17)
        let moment = UInt64(bitPattern: event.time.microseconds) ^ 1 << 63
        withUnsafeBytes(of: moment.bigEndian) { key.append(contentsOf: $0) }
        key.append(UInt8(file))
        withUnsafeBytes(of: UInt64(line).bigEndian) { key.append(contentsOf: $0) }
        try byTime.add(key: key, payload: bytes)
    }

    private mutating func finish() throws(CommandFailure) {
        if !inOrderOfFile {
            var sorted = SortedRuns()
            swap(&sorted, &byBasket)
            try sorted.drain { key, payload throws(CommandFailure) in
                let (event, line) = ImportedEvent.decoded(payload, basket: key.dropFirst())
                try join(event, Int(key[key.startIndex]), line)
            }
        }
        try closeBasket()
        var sorted = SortedRuns()
        swap(&sorted, &byTime)
        let emit = emit
        try sorted.drain { _, payload throws(CommandFailure) in try emit(Array(payload)) }
    }
}
