import Testing
import Wire

/// "hello\n" by gzip -n.
private let hello: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0xE7, 0x02,
    0x00,
    0x20, 0x30, 0x3A, 0x36, 0x06, 0x00, 0x00, 0x00,
]

private func unpacked(
    _ pieces: [ArraySlice<UInt8>], limit: Int = 1 << 20, pieceBytes: Int = 64 << 10
) throws(GunzipError) -> [UInt8] {
    var gunzip = try Gunzip(limit: limit, pieceBytes: pieceBytes)
    var out: [UInt8] = []
    for piece in pieces {
        let copy = Array(piece)
        let error: GunzipError? = copy.withUnsafeBytes { raw in
            do throws(GunzipError) {
                try gunzip.unpack(raw) { out.append(contentsOf: $0) }
                return nil
            } catch {
                return error
            }
        }
        if let error { throw error }
    }
    try gunzip.finish()
    return out
}

@Suite struct GunzipTests {
    private let text = Array("hello\n".utf8)

    @Test func aMemberIsUnpackedWhereverItIsCut() throws {
        for cut in 0...hello.count {
            #expect(try unpacked([hello[..<cut], hello[cut...]]) == text)
        }
        #expect(try unpacked(hello.indices.map { hello[$0...$0] }, pieceBytes: 1) == text)
        #expect(try unpacked([hello[...]], pieceBytes: 3) == text)
    }

    @Test func membersThatFollowEachOtherAreOneText() throws {
        #expect(try unpacked([(hello + hello)[...], hello[...]]) == text + text + text)
    }

    @Test func nothingIsNothing() throws {
        #expect(try unpacked([]) == [])
    }

    @Test func anEndWithinAMemberIsTold() {
        for count in 1..<hello.count {
            #expect(throws: GunzipError.self) { try unpacked([hello[..<count]]) }
        }
    }

    @Test func damageIsTold() {
        // Magic, method, first block, check sum, length.
        for index in [0, 1, 2, 10, 18, 21, 22, 25] {
            var damaged = hello
            damaged[index] ^= 0x10
            #expect(throws: GunzipError.self) { try unpacked([damaged[...]]) }
        }
        #expect(throws: GunzipError.self) { try unpacked([(hello + [1, 2, 3])[...]]) }
    }

    @Test func outputIsBounded() throws {
        #expect(try unpacked([hello[...]], limit: 6) == text)
        #expect(throws: GunzipError.tooLarge(limit: 5)) { try unpacked([hello[...]], limit: 5) }
    }
}
