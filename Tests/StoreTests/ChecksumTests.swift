import Core
import Store
import Testing

struct ChecksumTests {
    /// RFC 3720, B.4.
    @Test func `CRC-32C gives the published values`() {
        #expect(Checksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(Checksum.crc32c([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(Checksum.crc32c(Array(0..<32)) == 0x46DD_794E)
        #expect(Checksum.crc32c(Array((0..<32).reversed())) == 0x113F_DB5C)
        #expect(Checksum.crc32c(Array("123456789".utf8)) == 0xE306_9283)
        #expect(Checksum.crc32c([]) == 0)
    }

    @Test func `instruction and table agree, whole and in parts`() {
        var chance = Randomness(seed: 11)
        for length in 0..<300 {
            let bytes = (0..<length).map { _ in UInt8(chance.below(256)) }
            let whole = Checksum.crc32c(bytes)
            #expect(Checksum.crc32cByTable(bytes) == whole)
            let cut = chance.below(length + 1)
            let first = Checksum.crc32c(Array(bytes[..<cut]))
            #expect(Checksum.crc32c(Array(bytes[cut...]), continuing: first) == whole)
        }
    }
}
