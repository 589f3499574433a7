import Core

/// In what encoding a file is.
enum TextEncoding: Equatable, Sendable {
    case utf8
    /// By iconv's name.
    case named(String)
    /// UTF-8 where the first piece with more than ASCII is that, this one otherwise.
    case utf8Or(String)

    /// Nil where iconv does not know it.
    init?(_ name: String) {
        if ["utf-8", "utf8"].contains(name.lowercased()) {
            self = .utf8
        } else if Transcoder(from: name) != nil {
            self = .named(name)
        } else {
            return nil
        }
    }
}

/// A file's text as UTF-8, whatever its encoding, packed or not.
struct TextSource: ~Copyable {
    private var source: ByteSource
    private var encoding: TextEncoding
    private var transcoder: Transcoder?
    /// Read while the encoding is not known yet: the beginning of one character.
    private var held: [UInt8] = []
    private var hasEnded = false

    /// - Parameter path: `-`: standard input.
    init(path: String, encoding: TextEncoding) throws(CommandFailure) {
        source = try ByteSource(path: path)
        self.encoding = encoding
        if case .named(let name) = encoding { transcoder = Transcoder(from: name) }
    }

    /// Bytes as they lie on disk; nil where that cannot be known.
    var size: Int64? { source.size }
    /// Of them read.
    var position: Int64 { source.position }

    /// Appends what comes next.
    ///
    /// - Returns: false at the end.
    mutating func read(into output: inout [UInt8]) throws(CommandFailure) -> Bool {
        if encoding == .utf8 { return try source.read(into: &output) }
        guard !hasEnded else { return false }
        var piece = held
        held = []
        if try source.read(into: &piece) == false {
            hasEnded = true
            output.append(contentsOf: piece)
            if transcoder != nil { transcoder!.finish(into: &output) }
            return !piece.isEmpty
        }
        if transcoder == nil { decide(&piece) }
        if transcoder != nil { transcoder!.convert(piece, into: &output) } else { output += piece }
        return true
    }

    /// Looks at a piece of unknown encoding.
    private mutating func decide(_ piece: inout [UInt8]) {
        guard case .utf8Or(let other) = encoding, piece.contains(where: { $0 >= 0x80 }) else { return }
        let whole = UTF8Text.wholeCharacters(piece)
        if String(validating: piece[..<whole], as: UTF8.self) == nil {
            encoding = .named(other)
            transcoder = Transcoder(from: other)
        } else if piece[..<whole].contains(where: { $0 >= 0x80 }) {
            encoding = .utf8
        } else {
            // All of it that is not ASCII is one cut character: it says nothing yet.
            held = Array(piece[whole...])
            piece.removeSubrange(whole...)
        }
    }
}

enum UTF8Text {
    /// How many bytes are left when a character cut at the end is taken off.
    static func wholeCharacters(_ bytes: [UInt8]) -> Int {
        for back in 1...3 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte < 0x80 { break }
            guard byte >= 0xC0 else { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
            return length > back ? bytes.count - back : bytes.count
        }
        return bytes.count
    }
}
