import Core
import Foundation
import Testing

@testable import roost

/// Risk: two users become one by a replacement character, or a character is cut in two.
@Suite struct TranscoderTests {
    /// `광고,비광고,똠` in the code page 949, the last beyond EUC-KR proper.
    private static let korean: [UInt8] = [
        0xB1, 0xA4, 0xB0, 0xED, 0x2C, 0xBA, 0xF1, 0xB1, 0xA4, 0xB0, 0xED, 0x2C, 0x8C, 0x63,
    ]

    private func read(
        _ bytes: [UInt8], _ encoding: TextEncoding, pieces size: Int? = nil
    ) throws -> [UInt8] {
        guard let size else {
            let path = NSTemporaryDirectory() + "roost-text-\(UUID().uuidString)"
            defer { unlink(path) }
            try File(creating: path).write(bytes)
            var source = try TextSource(path: path, encoding: encoding)
            var out: [UInt8] = []
            while try source.read(into: &out) {}
            #expect(source.position == source.size)
            return out
        }
        guard var transcoder = Transcoder(from: "euc-kr") else { throw CommandFailure("no EUC-KR here") }
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            transcoder.convert(bytes[start..<min(start + size, bytes.count)], into: &out)
        }
        transcoder.finish(into: &out)
        return out
    }

    @Test func koreanIsReadWhereverItIsCut() throws {
        for size in 1...Self.korean.count {
            let text = String(decoding: try read(Self.korean, .utf8, pieces: size), as: UTF8.self)
            #expect(text == "광고,비광고,똠")
        }
        #expect(try read(Self.korean, .named("euc-kr")) == Array("광고,비광고,똠".utf8))
        let long = Array(repeating: Self.korean, count: 40_000).flatMap { $0 }
        #expect(
            try read(long, .named("EUC-KR")) == Array(String(repeating: "광고,비광고,똠", count: 40_000).utf8))
    }

    @Test func whatMeansNothingIsMarkedByteForByte() throws {
        #expect(try read([0x61, 0xFF, 0x2C, 0xB1], .named("euc-kr")) == [0x61, 0xFF, 0x2C, 0xFF])
        #expect(try read([0xB1, 0x0A, 0x62], .named("euc-kr")) == [0xFF, 0x0A, 0x62])
    }

    @Test func withoutAWordTheFirstThatIsNotASCIITells() throws {
        let either = TextEncoding.utf8Or("euc-kr")
        #expect(try read(Self.korean, either) == Array("광고,비광고,똠".utf8))
        #expect(try read(Array("광고,비광고".utf8), either) == Array("광고,비광고".utf8))
        #expect(try read(Array("plain".utf8), either) == Array("plain".utf8))
        let later = Array(repeating: UInt8(ascii: "a"), count: 300_000) + Self.korean
        #expect(try read(later, either).suffix(3) == Array("똠".utf8)[...])
        // The piece that is read first ends within the first character.
        for offset in 0..<4 {
            let start = Array(repeating: UInt8(ascii: "a"), count: (256 << 10) - offset)
            #expect(try read(start + Array("광고".utf8), either) == start + Array("광고".utf8))
            #expect(try read(start + Self.korean, either) == start + Array("광고,비광고,똠".utf8))
        }
    }

    @Test func unknownEncodingsAreNone() {
        #expect(TextEncoding("no-such-encoding") == nil)
        #expect(TextEncoding("UTF-8") == .utf8)
        #expect(TextEncoding("shift_jis") == .named("shift_jis"))
    }
}
