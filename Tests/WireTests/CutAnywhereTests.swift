import Core
import Testing
import Wire

/// Feeds a stream in pieces and decodes what the framer makes of them.
private func framed(_ pieces: [ArraySlice<UInt8>], _ settings: Settings, isCleanEnd: Bool = true) -> PlainLog
{
    var framer = LineFramer(settings.limits)
    var decoder = EventDecoder(settings: settings)
    var log = PlainLog()
    var isStreamStart = true
    func take() {
        while let piece = framer.next() {
            switch piece {
            case .lines(let slab):
                decode(slab: slab, isStreamStart: isStreamStart, with: &decoder, into: &log)
                framer.consume(slab.count)
            case .tooLong(let prefix, let length):
                log.append(overlong(prefix, length, limit: settings.limits.lineBytes))
            }
            isStreamStart = false
        }
    }
    for piece in pieces {
        var rest = piece
        while !rest.isEmpty {
            let count = framer.withFreeSpace { space in
                let count = min(space.count, rest.count)
                rest.prefix(count).withUnsafeBytes { space.copyMemory(from: $0) }
                return count
            }
            framer.received(count)
            rest = rest.dropFirst(count)
            take()
        }
    }
    if isCleanEnd {
        framer.finish()
        take()
    }
    return log
}

/// What the decoder itself says of such a line.
private func overlong(_ prefix: [UInt8], _ length: Int, limit: Int) -> EventBatch {
    var batch = EventBatch()
    batch.lineCount = 1
    batch.byteCount = length + 1
    batch.rejections = [
        Rejection(line: 0, code: .lineTooLong, detail: "line is longer than \(limit) bytes", raw: prefix)
    ]
    return batch
}

/// The stream decoded in one slab, its last line ended as a clean end does it.
private func uncut(_ bytes: [UInt8], _ settings: Settings) -> PlainLog {
    decoded(bytes.last == 0x0A ? bytes : bytes + [0x0A], settings)
}

extension LineFramer {
    fileprivate init(_ limits: Limits) {
        self.init(
            readBytes: limits.readBytes, lineBytes: limits.lineBytes, keptBytes: limits.deadLetterBytes)
    }
}

private let sample: [UInt8] = {
    var text = "\u{FEFF}" + line(#""device":"mobile","items":[{"item_id":"가","price":1.5}]"#)
    text += "\r\n" + line(user: "17.5").dropLast() + "\r\n" + "not json\n" + "{\"$sync\":{}}\n"
    text += line("\"x\":\"" + String(repeating: "y", count: 300) + "\"")
    text +=
        line(name: "\"회원가입완료\"") + "\n   \n" + line("\"x\":\"" + String(repeating: "z", count: 155) + "\"")
    text += String(repeating: " ", count: 500) + "\n" + line(user: "\"last, without newline\"").dropLast()
    return Array(text.utf8)
}()

private let settings = Settings.with {
    $0.limits = .tiny
    $0.limits.lineBytes = 200
    $0.limits.readBytes = 64
    $0.limits.deadLetterBytes = 20
}

@Suite struct CutAnywhereTests {
    @Test func theSampleHasEveryKindOfLine() {
        let log = decoded(sample, settings)
        #expect(log.events.count == 5)
        #expect(log.codes == [.badJSON, .lineTooLong, .lineTooLong])
        #expect(log.controls == ["{\"$sync\":{}}"])
    }

    @Test func aCutAtAnyByteChangesNothing() {
        let whole = uncut(sample, settings)
        for cut in 0...sample.count {
            #expect(framed([sample[..<cut], sample[cut...]], settings) == whole, "cut at \(cut)")
        }
    }

    @Test func singleBytesAndOddPiecesChangeNothing() {
        let whole = uncut(sample, settings)
        for size in [1, 2, 3, 7, 64, 199, 200, 201, 202, 500] {
            let pieces = stride(from: 0, to: sample.count, by: size).map {
                sample[$0..<min($0 + size, sample.count)]
            }
            #expect(framed(pieces, settings) == whole, "pieces of \(size)")
        }
    }

    @Test func randomPiecesChangeNothing() {
        let whole = uncut(sample, settings)
        var random = Randomness(seed: 11)
        for _ in 0..<300 {
            var pieces: [ArraySlice<UInt8>] = []
            var at = 0
            while at < sample.count {
                let next = min(sample.count, at + 1 + random.below(120))
                pieces.append(sample[at..<next])
                at = next
            }
            #expect(framed(pieces, settings) == whole)
        }
    }

    /// Lines about the limit with either ending are judged alike whether they come whole or in bytes.
    @Test func theLimitIsTheSameHoweverTheLineCame() {
        for length in 197...204 {
            for ending in ["\n", "\r\n", ""] {
                for mark in ["", "\u{FEFF}"] {
                    let bare = line("\"x\":\"\"").utf8.count - 1
                    let padding = String(repeating: "y", count: length - bare)
                    let text = mark + line("\"x\":\"\(padding)\"").dropLast() + ending
                    let bytes = Array(text.utf8)
                    let singles = bytes.indices.map { bytes[$0...$0] }
                    #expect(
                        framed(singles, settings) == uncut(bytes, settings),
                        "\(length) \(ending.count) \(mark.count)")
                }
            }
        }
    }

    @Test func withoutACleanEndTheUnfinishedLineIsNotTaken() {
        let log = framed([sample[...]], settings, isCleanEnd: false)
        #expect(log.events.count == 4)
        #expect(!log.events.contains { $0.userText.hasPrefix("last") })
    }

    @Test func aFullMebibyteLineComesThrough() {
        let settings = Settings()
        let bare = line("\"x\":\"\"").utf8.count - 1
        let long = line("\"x\":\"" + String(repeating: "y", count: (1 << 20) - bare) + "\"")
        let log = framed([Array((line() + long + line()).utf8)[...]], settings)
        #expect(log.events.count == 3 && log.rejections.isEmpty)
    }
}
