import Glibc

/// Turns bytes of another encoding into UTF-8 as they stream in, by glibc's iconv. Owns its descriptor.
///
/// A byte that means nothing in the encoding comes out as `Transcoder.mark`, which no UTF-8 text has, so that the
/// row it stands in can be refused: a replacement character could make one user of two.
struct Transcoder: ~Copyable {
    static let mark: UInt8 = 0xFF

    private let descriptor: iconv_t
    /// The beginning of a character whose end is not here yet.
    private var pending: [UInt8] = []
    private var room = [UInt8](repeating: 0, count: 64 << 10)

    /// - Parameter name: as iconv knows it; nil is the answer where it does not. Korean exports that are called
    ///   EUC-KR are mostly of its superset, the code page 949 of Windows, so that is what is taken.
    init?(from name: String) {
        let plain = name.lowercased().filter { $0.isLetter || $0.isNumber }
        let korean = ["euckr", "ksc56011987", "uhc", "cp949", "ms949", "windows949"].contains(plain)
        guard let opened = iconv_open("UTF-8", korean ? "CP949" : name), Int(bitPattern: opened) != -1 else {
            return nil
        }
        descriptor = opened
    }

    deinit { iconv_close(descriptor) }

    /// Appends what the bytes mean; a character cut at the end waits for the next piece.
    mutating func convert(_ piece: some Sequence<UInt8>, into output: inout [UInt8]) {
        var input = pending
        input.append(contentsOf: piece)
        pending = []
        var start = 0
        while start < input.count {
            let (used, written, code) = step(&input, from: start)
            output.append(contentsOf: room[..<written])
            start += used
            if code == EILSEQ {
                output.append(Self.mark)
                start += 1
            } else if code == EINVAL {
                pending = Array(input[start...])
                return
            }
        }
    }

    /// One call of iconv: bytes read, bytes written, and errno where it stopped early.
    private mutating func step(_ input: inout [UInt8], from start: Int) -> (
        used: Int, written: Int, code: Int32
    ) {
        let given = input.count - start
        let size = room.count
        var left = given
        var free = size
        var code: Int32 = 0
        input.withUnsafeMutableBytes { source in
            room.withUnsafeMutableBytes { target in
                var from = source.baseAddress.map { ($0 + start).assumingMemoryBound(to: CChar.self) }
                var to = target.baseAddress?.assumingMemoryBound(to: CChar.self)
                if iconv(descriptor, &from, &left, &to, &free) == -1 { code = errno }
            }
        }
        return (given - left, size - free, code)
    }

    /// The end of the text: a character that has not ended by now never will.
    mutating func finish(into output: inout [UInt8]) {
        if !pending.isEmpty { output.append(Self.mark) }
        pending = []
    }
}
