import CChecksum

/// CRC-32C (Castagnoli), the check of everything this room writes itself.
package enum Checksum {
    /// CRC of bytes, continuing from the CRC of what came before them (0 at the beginning).
    package static func crc32c(_ bytes: UnsafeRawBufferPointer, continuing crc: UInt32 = 0) -> UInt32 {
        roost_crc32c(crc, bytes.baseAddress, bytes.count)
    }

    package static func crc32c(_ bytes: [UInt8], continuing crc: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { crc32c($0, continuing: crc) }
    }

    /// The same by table, for processors without the instruction and for testing the one against the other.
    package static func crc32cByTable(_ bytes: [UInt8], continuing crc: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { roost_crc32c_table(crc, $0.baseAddress, $0.count) }
    }

    /// Whether the processor's own instruction is used.
    package static var usesHardware: Bool { roost_crc32c_is_hardware() }
}
